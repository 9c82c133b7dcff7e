// Finds the open ports of a host.
import io.ktor.network.selector.*
import io.ktor.network.sockets.*
import java.io.IOException
import kotlin.time.Duration.Companion.seconds
import kotlinx.coroutines.*
import kotlinx.coroutines.sync.Semaphore
import kotlinx.coroutines.sync.withPermit

const val AT_ONCE = 500
val PATIENCE = 1.seconds

fun main(args: Array<String>): Unit = runBlocking(Dispatchers.IO) {
    val (host, first, last) = args
    SelectorManager(Dispatchers.IO).use { selector ->
        scan(selector, host, first.toInt()..last.toInt()).forEach { println(it) }
    }
}

suspend fun scan(selector: SelectorManager, host: String, ports: IntRange): List<Int> =
    coroutineScope {
        val limit = Semaphore(AT_ONCE)
        val probes = ports.map { port ->
            async { limit.withPermit { port.takeIf { isOpen(selector, host, port) } } }
        }
        probes.awaitAll().filterNotNull()
    }

suspend fun isOpen(selector: SelectorManager, host: String, port: Int): Boolean =
    try {
        val socket = withTimeoutOrNull(PATIENCE) { aSocket(selector).tcp().connect(host, port) }
        socket?.close()
        socket != null
    } catch (_: IOException) {
        false
    }
