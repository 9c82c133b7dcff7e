//! The figures of the programs, and the file that keeps them.

use std::fmt::Write;
use std::fs;
use std::io;
use std::time::Duration;

use crate::program::{Program, TASKS, Task, WAYS, root};

const FILE: &str = "bench/compare/results.tsv";
const HEAD: &str = "task\twith\tCPU ns a unit\tpeak KiB\ttime ms\n";

/// What a program used.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Figures {
    /// CPU time of the program for a unit of work, user and system, in nanoseconds.
    cpu: u64,
    /// The most memory that it had at any time, in KiB.
    peak: u64,
    /// The time of the whole load, in milliseconds.
    time: u64,
}

impl Figures {
    pub(crate) fn new(cpu: Duration, units: u64, peak: u64, time: Duration) -> Figures {
        Figures {
            cpu: cpu.as_nanos() as u64 / units,
            peak: peak >> 10,
            time: time.as_millis() as u64,
        }
    }
}

/// Returns the median of each figure.
pub(crate) fn median(figures: &[Figures]) -> Figures {
    let of = |figure: fn(&Figures) -> u64| {
        let mut all: Vec<u64> = figures.iter().map(figure).collect();
        all.sort_unstable();
        all[all.len() / 2]
    };
    Figures {
        cpu: of(|f| f.cpu),
        peak: of(|f| f.peak),
        time: of(|f| f.time),
    }
}

/// The kept figures.
pub(crate) struct Results(Vec<(Program, Figures)>);

impl Results {
    /// Reads the file, if there is one.
    pub(crate) fn read() -> io::Result<Results> {
        let text = match fs::read_to_string(root().join(FILE)) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => String::new(),
            Err(error) => return Err(error),
        };
        let lines = text.lines().skip(1);
        let all: Option<Vec<_>> = lines.map(parse).collect();
        all.map(Results)
            .ok_or_else(|| io::Error::other(format!("{FILE} is damaged")))
    }

    pub(crate) fn keep(&mut self, program: Program, figures: Figures) {
        self.0.retain(|(other, _)| *other != program);
        self.0.push((program, figures));
    }

    pub(crate) fn write(&self) -> io::Result<()> {
        let mut text = HEAD.to_owned();
        for task in TASKS {
            for way in WAYS {
                if let Some(figures) = self.of(Program { way, task }) {
                    let Figures { cpu, peak, time } = figures;
                    let _ = writeln!(text, "{task}\t{way}\t{cpu}\t{peak}\t{time}");
                }
            }
        }
        fs::write(root().join(FILE), text)
    }

    fn of(&self, program: Program) -> Option<Figures> {
        let found = self.0.iter().find(|(other, _)| *other == program);
        found.map(|(_, figures)| *figures)
    }

    /// Returns the table of a task, as Markdown.
    pub(crate) fn table(&self, task: Task) -> io::Result<String> {
        let unit = match task {
            Task::Echo | Task::Proxy => "round trip",
            Task::Scan => "port",
            Task::Chat => "line for one client",
            Task::Fetch => "run",
        };
        let mut table = format!(
            "| with | lines | CPU a {unit} | peak memory | time |\n|---|--:|--:|--:|--:|\n"
        );
        for way in WAYS {
            let program = Program { way, task };
            let lines = program.lines()?;
            let figures = match self.of(program) {
                Some(Figures { cpu, peak, time }) => {
                    let (micros, mib, s) =
                        (cpu as f64 / 1e3, peak as f64 / 1024.0, time as f64 / 1e3);
                    let cpu = if micros < 1000.0 {
                        format!("{micros:.1} µs")
                    } else {
                        format!("{:.1} ms", micros / 1000.0)
                    };
                    format!("{cpu} | {mib:.1} MiB | {s:.2} s")
                }
                None => "not run here | |".to_owned(),
            };
            let _ = writeln!(table, "| {way} | {lines} | {figures} |");
        }
        Ok(table)
    }
}

fn parse(line: &str) -> Option<(Program, Figures)> {
    let mut fields = line.split('\t');
    let (task, way) = (fields.next()?, fields.next()?);
    let task = TASKS.into_iter().find(|other| other.name() == task)?;
    let way = WAYS.into_iter().find(|other| *other == way)?;
    let mut number = || fields.next()?.parse().ok();
    let figures = Figures {
        cpu: number()?,
        peak: number()?,
        time: number()?,
    };
    Some((Program { way, task }, figures))
}
