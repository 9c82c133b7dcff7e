// A room: each line of a client goes to all clients. The first line of a client is its name.
import io.ktor.network.selector.*
import io.ktor.network.sockets.*
import io.ktor.utils.io.*
import java.io.IOException
import kotlinx.coroutines.*
import kotlinx.coroutines.channels.BufferOverflow
import kotlinx.coroutines.flow.MutableSharedFlow

// The longest line in characters, and how many lines a slow client may be behind.
const val LINE = 1024
const val BEHIND = 256

val room = MutableSharedFlow<String>(
    extraBufferCapacity = BEHIND,
    onBufferOverflow = BufferOverflow.DROP_OLDEST,
)

fun main(args: Array<String>): Unit = runBlocking(Dispatchers.IO) {
    val (host, port) = args[0].split(':')
    val listener = aSocket(SelectorManager(Dispatchers.IO)).tcp().bind(host, port.toInt())
    println("listening on $host:${listener.port}")
    supervisorScope {
        while (true) {
            val socket = listener.accept()
            launch { socket.use { client(it) } }
        }
    }
}

suspend fun client(socket: Socket) = coroutineScope {
    val receive = socket.openReadChannel()
    val send = socket.openWriteChannel(autoFlush = true)
    val name = receive.readUTF8Line(LINE) ?: return@coroutineScope
    // It has subscribed when `launch` returns.
    val writer = launch(start = CoroutineStart.UNDISPATCHED) {
        room.collect { send.writeStringUtf8("$it\n") }
    }
    room.emit("* $name joined")
    try {
        while (true) {
            val line = receive.readUTF8Line(LINE) ?: break
            room.emit("$name: $line")
        }
    } catch (_: IOException) {
        // A line is too long, or the connection is broken.
    } finally {
        writer.cancel()
        room.tryEmit("* $name left")
    }
}
