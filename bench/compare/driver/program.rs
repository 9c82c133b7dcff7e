//! The programs of this folder: where they are, and how one of them is started, watched and ended.

use std::fmt;
use std::fs;
use std::io::{self, BufRead, BufReader, Read};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use nix::sys::resource::{UsageWho, getrusage};
use std_net::socket::TcpStream;

use crate::results::Figures;

/// No wait is longer. A program that is still silent then is wrong.
pub(crate) const LIMIT: Duration = Duration::from_secs(120);

/// What the programs are written with. Each is a folder; ours is the first.
pub(crate) const WAYS: [&str; 7] = ["std_net", "std", "tokio", "may", "go", "kotlin", "inko"];

pub(crate) const TASKS: [Task; 5] = [Task::Echo, Task::Proxy, Task::Scan, Task::Chat, Task::Fetch];

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Task {
    Echo,
    Proxy,
    Scan,
    Chat,
    Fetch,
}

impl Task {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Task::Echo => "echo",
            Task::Proxy => "proxy",
            Task::Scan => "scan",
            Task::Chat => "chat",
            Task::Fetch => "fetch",
        }
    }
}

impl fmt::Display for Task {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A task, written in one way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Program {
    pub(crate) way: &'static str,
    pub(crate) task: Task,
}

impl fmt::Display for Program {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.way, self.task)
    }
}

impl Program {
    /// Returns the path of the executable if it was built. All of them are beside the driver.
    pub(crate) fn executable(self) -> Option<PathBuf> {
        let name = format!("{}-{}", self.way, self.task);
        let path = std::env::current_exe().ok()?.with_file_name(name);
        path.is_file().then_some(path)
    }

    /// Returns the path of the source from the folder of the repository.
    pub(crate) fn source(self) -> String {
        let extension = match self.way {
            "go" => "go",
            "kotlin" => "kt",
            "inko" => "inko",
            _ => "rs",
        };
        format!("bench/compare/{}/{}.{extension}", self.way, self.task)
    }

    pub(crate) fn text(self) -> io::Result<String> {
        fs::read_to_string(root().join(self.source()))
    }

    /// Counts the lines of the source without blank ones and comments.
    pub(crate) fn lines(self) -> io::Result<usize> {
        let comment = if self.way == "inko" { "#" } else { "//" };
        let text = self.text()?;
        let lines = text.lines().map(str::trim);
        Ok(lines
            .filter(|l| !l.is_empty() && !l.starts_with(comment))
            .count())
    }

    fn command(self, args: &[&str]) -> Command {
        let mut command = Command::new(self.executable().expect("looked for before"));
        command
            .args(args)
            .stdin(Stdio::null())
            .stdout(Stdio::piped());
        command
    }

    /// Starts a program that ends by itself.
    pub(crate) fn start(self, args: &[&str]) -> io::Result<Running> {
        let child = self.command(args).stderr(Stdio::piped()).spawn()?;
        Ok(Running(child))
    }

    /// Starts a program that serves until it is killed.
    pub(crate) fn serve(self, args: &[&str]) -> io::Result<Server> {
        self.serve_with(args, Stdio::inherit())
    }

    pub(crate) fn serve_with(self, args: &[&str], stderr: Stdio) -> io::Result<Server> {
        let mut running = Running(self.command(args).stderr(stderr).spawn()?);
        let mut line = String::new();
        BufReader::new(running.0.stdout.take().expect("piped")).read_line(&mut line)?;
        let address = line.trim().strip_prefix("listening on ");
        let address = address.and_then(|text| text.parse().ok());
        let address = address.ok_or_else(|| io::Error::other(format!("it began with {line:?}")))?;
        Ok(Server { running, address })
    }
}

/// The folder of the repository.
pub(crate) fn root() -> &'static Path {
    let own = Path::new(env!("CARGO_MANIFEST_DIR"));
    own.ancestors().nth(2).expect("two folders down")
}

/// An OS process that is killed when this is dropped.
pub(crate) struct Running(Child);

impl Running {
    /// Returns the most memory that it has had until now, in bytes.
    pub(crate) fn peak(&self) -> io::Result<u64> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.0.id()))?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let kib = line.and_then(|line| line.trim().strip_suffix(" kB"));
        let kib: Option<u64> = kib.and_then(|kib| kib.parse().ok());
        kib.map(|kib| kib << 10)
            .ok_or_else(|| io::Error::other("no VmHWM: it has ended"))
    }

    pub(crate) fn has_ended(&mut self) -> io::Result<bool> {
        Ok(self.0.try_wait()?.is_some())
    }

    /// Waits for its end. Kills it when it takes too long.
    pub(crate) fn output(mut self) -> io::Result<Output> {
        // A short output fits into the pipes, so it is read afterwards; long ones are read by the caller.
        let end = Instant::now() + LIMIT;
        let status = loop {
            match self.0.try_wait()? {
                Some(status) => break status,
                None if Instant::now() > end => return Err(io::Error::other("it does not end")),
                None => thread::sleep(Duration::from_millis(1)),
            }
        };
        let mut output = Output {
            status,
            stdout: Vec::new(),
            stderr: Vec::new(),
        };
        if let Some(mut stdout) = self.0.stdout.take() {
            stdout.read_to_end(&mut output.stdout)?;
        }
        if let Some(mut stderr) = self.0.stderr.take() {
            stderr.read_to_end(&mut output.stderr)?;
        }
        Ok(output)
    }

    fn kill(&mut self) -> io::Result<ExitStatus> {
        self.0.kill()?;
        self.0.wait()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.kill();
    }
}

/// A program that serves.
pub(crate) struct Server {
    running: Running,
    pub(crate) address: SocketAddr,
}

impl Server {
    pub(crate) fn connect(&self) -> io::Result<TcpStream> {
        let stream = TcpStream::connect_deadline(self.address, LIMIT)?;
        stream.set_deadline(LIMIT);
        Ok(stream)
    }

    pub(crate) fn peak(&self) -> io::Result<u64> {
        self.running.peak()
    }

    /// Ends it. It must not have ended by itself. Returns what it wrote to a piped standard error.
    pub(crate) fn end(mut self) -> io::Result<String> {
        ensure(!self.running.has_ended()?, "the server has ended by itself")?;
        self.running.kill()?;
        let mut said = String::new();
        if let Some(mut stderr) = self.running.0.stderr.take() {
            stderr.read_to_string(&mut said)?;
        }
        Ok(said)
    }
}

/// Measures a load on a server. The CPU time is that of the whole life of the server.
pub(crate) fn loaded(
    program: Program,
    args: &[&str],
    units: u64,
    load: impl FnOnce(&Server) -> io::Result<u64>,
) -> io::Result<Figures> {
    let before = cpu_of_children()?;
    let server = program.serve(args)?;
    let began = Instant::now();
    let peak = load(&server)?;
    let time = began.elapsed();
    server.end()?;
    Ok(Figures::new(cpu_of_children()? - before, units, peak, time))
}

/// Returns the CPU time of all children that have ended.
pub(crate) fn cpu_of_children() -> io::Result<Duration> {
    let usage = getrusage(UsageWho::RUSAGE_CHILDREN)?;
    let times = [usage.user_time(), usage.system_time()];
    Ok(times
        .iter()
        .map(|time| Duration::new(time.tv_sec() as u64, time.tv_usec() as u32 * 1000))
        .sum())
}

/// Fails with this text if the condition does not hold.
pub(crate) fn ensure(holds: bool, otherwise: &str) -> io::Result<()> {
    if holds {
        Ok(())
    } else {
        Err(io::Error::other(otherwise))
    }
}
