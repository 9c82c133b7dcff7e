// Prints a page of a web server, within a time limit.
import io.ktor.network.selector.*
import io.ktor.network.sockets.*
import io.ktor.utils.io.*
import io.ktor.utils.io.core.*
import kotlinx.coroutines.*

const val LIMIT = 1L shl 20

fun main(args: Array<String>): Unit = runBlocking(Dispatchers.IO) {
    val (address, path, millis) = args
    print(withTimeout(millis.toLong()) { fetch(address, path) })
}

suspend fun fetch(address: String, path: String): String {
    val (host, port) = address.split(':')
    SelectorManager(Dispatchers.IO).use { selector ->
        aSocket(selector).tcp().connect(host, port.toInt()).use { socket ->
            val send = socket.openWriteChannel(autoFlush = true)
            send.writeStringUtf8("GET $path HTTP/1.0\r\nHost: $address\r\n\r\n")
            val answer = socket.openReadChannel().readRemaining(LIMIT).readText()
            val (head, body) = answer.split("\r\n\r\n", limit = 2)
            check(" 200 " in head) { "not found" }
            return body
        }
    }
}
