//! Shows how a descriptor is passed: a server accepts a TCP connection and hands it over a Unix socket to a worker, which
//! is another OS process (this program, started again). The worker answers the client.
//!
//! Usage: `pass_fd`. The exit status is 0 only if the worker has answered.

use std::env;
use std::io;
use std::path::Path;
use std::process::{self, Command, ExitCode};
use std::thread;
use std::time::Duration;

use std_net::socket::{TcpListener, TcpStream};
use std_net::unix::{Ancillary, UnixBuilder, UnixStream};

/// No step here may take longer than this.
const PATIENCE: Duration = Duration::from_secs(10);

fn main() -> ExitCode {
    let args: Vec<_> = env::args_os().skip(1).collect();
    let result = match &args[..] {
        [] => server(),
        [role, path] if role == "worker" => worker(Path::new(path)),
        _ => {
            eprintln!("usage: pass_fd");
            return ExitCode::FAILURE;
        }
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("pass_fd: {error}");
            ExitCode::FAILURE
        }
    }
}

fn server() -> io::Result<()> {
    let path = env::temp_dir().join(format!("pass_fd-{}.sock", process::id()));
    let handover = UnixBuilder::new()
        .mode(0o600)
        .unlink_on_drop(true)
        .listen(&path)?;
    handover.set_deadline(PATIENCE);
    let mut child = Command::new(env::current_exe()?)
        .arg("worker")
        .arg(&path)
        .spawn()?;
    let served = serve(&handover.accept()?.0, child.id());
    if served.is_err() {
        // The worker may wait for a connection that never comes.
        let _ = child.kill();
    }
    let status = child.wait()?;
    served?;
    if status.success() {
        Ok(())
    } else {
        Err(io::Error::other(format!("the worker ended with {status}")))
    }
}

fn serve(worker: &UnixStream, pid: u32) -> io::Result<()> {
    worker.set_deadline(PATIENCE);
    let peer = worker.peer_cred()?;
    if peer.pid.map(i32::cast_unsigned) != Some(pid) {
        return Err(io::Error::other("this is not our worker"));
    }

    let listener = TcpListener::bind("127.0.0.1:0")?;
    let addr = listener.local_addr()?;
    let client = thread::spawn(move || -> io::Result<String> {
        let client = TcpStream::connect_deadline(addr, PATIENCE)?;
        client.set_deadline(PATIENCE);
        client.read_string(100)
    });
    let (connection, from) = listener.accept()?;
    println!("server: OS process {} accepted {from}", process::id());
    worker.send_ancillary(b"answer it", &Ancillary::new().descriptor(&connection))?;
    // The worker has its own descriptor for the connection, or will receive it.
    drop(connection);

    let answer = client
        .join()
        .map_err(|_| io::Error::other("the client panicked"))??;
    println!("client: {answer}");
    if answer == greeting(pid) {
        Ok(())
    } else {
        Err(io::Error::other("the answer is not the worker's"))
    }
}

fn worker(path: &Path) -> io::Result<()> {
    let server = UnixStream::connect(path)?;
    server.set_deadline(PATIENCE);
    let mut buf = [0; 64];
    let mut received = server.recv_ancillary(&mut buf, 1)?;
    let Some(fd) = received.descriptors.pop() else {
        return Err(io::Error::other("no connection came"));
    };
    let connection = TcpStream::from(fd);
    println!(
        "worker: OS process {} got {}",
        process::id(),
        connection.peer_addr()?
    );
    connection.write_string(&greeting(process::id()))
}

fn greeting(pid: u32) -> String {
    format!("hello from OS process {pid}")
}
