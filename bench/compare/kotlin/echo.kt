// Sends back what each client sends.
import io.ktor.network.selector.*
import io.ktor.network.sockets.*
import io.ktor.utils.io.*
import kotlinx.coroutines.*

fun main(args: Array<String>): Unit = runBlocking(Dispatchers.IO) {
    val (host, port) = args[0].split(':')
    val listener = aSocket(SelectorManager(Dispatchers.IO)).tcp().bind(host, port.toInt())
    println("listening on $host:${listener.port}")
    // The error of one connection ends no other.
    supervisorScope {
        while (true) {
            val socket = listener.accept()
            launch { socket.use { echo(it) } }
        }
    }
}

suspend fun echo(socket: Socket) {
    val receive = socket.openReadChannel()
    val send = socket.openWriteChannel(autoFlush = true)
    val buf = ByteArray(4096)
    while (true) {
        val n = receive.readAvailable(buf)
        if (n < 0) return
        send.writeFully(buf, 0, n)
    }
}
