// Passes each connection on to another address, both ways.
import io.ktor.network.selector.*
import io.ktor.network.sockets.*
import io.ktor.utils.io.*
import kotlin.time.Duration.Companion.seconds
import kotlinx.coroutines.*

val PATIENCE = 5.seconds
val selector = SelectorManager(Dispatchers.IO)

fun main(args: Array<String>): Unit = runBlocking(Dispatchers.IO) {
    val (host, port) = args[0].split(':')
    val (targetHost, targetPort) = args[1].split(':')
    val target = InetSocketAddress(targetHost, targetPort.toInt())
    val listener = aSocket(selector).tcp().bind(host, port.toInt())
    println("listening on $host:${listener.port}")
    supervisorScope {
        while (true) {
            val client = listener.accept()
            launch {
                try {
                    client.use { carry(it, target) }
                } catch (error: Exception) {
                    System.err.println("$target: $error")
                }
            }
        }
    }
}

suspend fun carry(client: Socket, target: InetSocketAddress) {
    val server = withTimeout(PATIENCE) { aSocket(selector).tcp().connect(target) }
    server.use {
        // An error in one of them cancels the other.
        coroutineScope {
            launch { client.openReadChannel().copyAndClose(server.openWriteChannel()) }
            launch { server.openReadChannel().copyAndClose(client.openWriteChannel()) }
        }
    }
}
