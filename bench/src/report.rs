//! The table, in three forms: as text while it is measured, as a file that is kept, and as Markdown.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::io;
use std::path::Path;

use crate::load::Outcome;
use crate::measure::{self, Series, Settings};
use crate::row::{self, Row, What};
use crate::serve::Kind;

/// One peer in one row. The values are medians over the rounds. The ratios are to the first peer of the
/// row, and each is taken within a round.
#[derive(Clone, Debug, Default)]
pub(crate) struct Line {
    pub(crate) row: String,
    pub(crate) peer: String,
    pub(crate) value: f64,
    pub(crate) value_ratio: Spread,
    pub(crate) cpu: f64,
    pub(crate) cpu_ratio: Spread,
    pub(crate) p50: f64,
    pub(crate) p99: f64,
    pub(crate) p99_ratio: Spread,
    pub(crate) max: f64,
}

/// The median of all rounds, with the least and the greatest value.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Spread {
    pub(crate) median: f64,
    pub(crate) min: f64,
    pub(crate) max: f64,
}

impl Spread {
    fn of(mut values: Vec<f64>) -> Spread {
        values.retain(|v| v.is_finite());
        values.sort_by(f64::total_cmp);
        match values[..] {
            [] => Spread::default(),
            [min, ..] => Spread {
                median: values[values.len() / 2],
                min,
                max: values[values.len() - 1],
            },
        }
    }
}

pub(crate) fn table(names: &[String], settings: &Settings, results: &Path) -> io::Result<()> {
    let rows: Vec<Row> = row::all()
        .into_iter()
        .filter(|row| names.is_empty() || names.iter().any(|n| is_named(&row.name, n)))
        .collect();
    if rows.is_empty() {
        return Err(io::Error::other("no such row: see `rows`"));
    }
    let mut kept = load(results).unwrap_or_default();
    for row in &rows {
        println!("\n{} ({})", row.title, row.name);
        let lines = lines(row, &measure::row(row, settings)?);
        print!("{}", text(row, &lines));
        if settings.peers.is_empty() {
            kept.insert(row.name.clone(), lines);
            save(results, &kept)?;
        }
    }
    Ok(())
}

/// Returns true if a row has this name or belongs to this family. The family of `echo-64-1` is `echo-64`.
fn is_named(row: &str, name: &str) -> bool {
    row.strip_prefix(name)
        .is_some_and(|rest| rest.is_empty() || rest.starts_with('-'))
}

fn lines(row: &Row, series: &[Series]) -> Vec<Line> {
    let Some(base) = series.first() else {
        return Vec::new();
    };
    let value = |o: &Outcome| match &row.what {
        What::Serve(e) if e.idle => o.idle_bytes,
        What::Serve(_) => o.requests as f64 * 1e9 / o.nanos as f64,
        What::Micro(_) => o.nanos as f64 / o.requests as f64,
    };
    let cpu = |o: &Outcome| o.cpu_nanos as f64 / o.requests as f64;
    let p99 = |o: &Outcome| o.p99_nanos as f64;
    series
        .iter()
        .map(|s| {
            let median = |f: &dyn Fn(&Outcome) -> f64| Spread::of(s.rounds.iter().map(f).collect());
            let ratio = |f: &dyn Fn(&Outcome) -> f64| {
                let rounds = s.rounds.iter().zip(&base.rounds);
                Spread::of(rounds.map(|(own, base)| f(own) / f(base)).collect())
            };
            Line {
                row: row.name.clone(),
                peer: s.kind.name().into(),
                value: median(&value).median,
                value_ratio: ratio(&value),
                cpu: median(&cpu).median,
                cpu_ratio: ratio(&cpu),
                p50: median(&|o| o.p50_nanos as f64).median,
                p99: median(&p99).median,
                p99_ratio: ratio(&p99),
                max: median(&|o| o.max_nanos as f64).median,
            }
        })
        .collect()
}

fn title(peer: &str) -> &'static str {
    use clap::ValueEnum;
    Kind::from_str(peer, true).map_or("?", Kind::title)
}

fn header(row: &Row) -> Vec<&'static str> {
    match &row.what {
        What::Serve(e) if e.idle => vec!["", "bytes each"],
        What::Serve(e) => {
            let times = if e.http { "x first" } else { "x loop" };
            vec![
                "",
                "requests/s",
                times,
                "(spread)",
                "CPU us",
                times,
                "(spread)",
                "p50 us",
                "p99 us",
                times,
            ]
        }
        What::Micro(_) => vec!["", "each", "x first", "(spread)"],
    }
}

fn cells(row: &Row, line: &Line) -> Vec<String> {
    let spread = |s: Spread| format!("{:.2}-{:.2}", s.min, s.max);
    let mut cells = vec![title(&line.peer).to_owned()];
    match &row.what {
        What::Serve(e) if e.idle => cells.push(format!("{:.0}", line.value)),
        What::Serve(_) => cells.extend([
            format!("{:.0}", line.value),
            format!("{:.3}", line.value_ratio.median),
            spread(line.value_ratio),
            format!("{:.2}", line.cpu / 1e3),
            format!("{:.3}", line.cpu_ratio.median),
            spread(line.cpu_ratio),
            format!("{:.0}", line.p50 / 1e3),
            format!("{:.0}", line.p99 / 1e3),
            format!("{:.2}", line.p99_ratio.median),
        ]),
        What::Micro(_) => cells.extend([
            format!("{:.1}", line.value),
            format!("{:.2}", line.value_ratio.median),
            spread(line.value_ratio),
        ]),
    }
    cells
}

fn text(row: &Row, lines: &[Line]) -> String {
    let mut out = String::new();
    let head = header(row).into_iter().map(str::to_owned).collect();
    for cells in std::iter::once(head).chain(lines.iter().map(|l| cells(row, l))) {
        for (i, cell) in cells.iter().enumerate() {
            let _ = if i == 0 {
                write!(out, "{cell:22}")
            } else {
                write!(out, "{cell:>12}")
            };
        }
        out.push('\n');
    }
    out
}

/// The kept results, row after row, in the order of the rows.
pub(crate) fn markdown(results: &Path) -> io::Result<()> {
    let kept = load(results)?;
    for row in row::all() {
        let Some(lines) = kept.get(&row.name) else {
            continue;
        };
        println!("### {} (`{}`)\n", row.title, row.name);
        let head = header(&row);
        println!("| {} |", head.join(" | "));
        println!("|---{}|", "|--:".repeat(head.len() - 1));
        for line in lines {
            println!("| {} |", cells(&row, line).join(" | "));
        }
        println!();
    }
    Ok(())
}

pub(crate) type Kept = BTreeMap<String, Vec<Line>>;

const COLUMNS: &str = "row\tpeer\tvalue\tratio\tratio_min\tratio_max\tcpu\tcpu_ratio\tcpu_ratio_min\tcpu_ratio_max\tp50\tp99\tp99_ratio\tp99_ratio_min\tp99_ratio_max\tmax";

fn save(path: &Path, kept: &Kept) -> io::Result<()> {
    let mut out = format!("{COLUMNS}\n");
    for line in kept.values().flatten() {
        let (v, c, p) = (line.value_ratio, line.cpu_ratio, line.p99_ratio);
        let numbers = [
            line.value, v.median, v.min, v.max, line.cpu, c.median, c.min, c.max, line.p50,
            line.p99, p.median, p.min, p.max, line.max,
        ];
        let _ = write!(out, "{}\t{}", line.row, line.peer);
        for n in numbers {
            let _ = write!(out, "\t{n:.4}");
        }
        out.push('\n');
    }
    fs::write(path, out)
}

pub(crate) fn load(path: &Path) -> io::Result<Kept> {
    let mut kept = Kept::new();
    for text in fs::read_to_string(path)?.lines().skip(1) {
        let bad = || io::Error::other(format!("{}: not a result: {text:?}", path.display()));
        let mut fields = text.split('\t');
        let (row, peer) = fields.next().zip(fields.next()).ok_or_else(bad)?;
        let n: Vec<f64> = fields
            .map(|f| f.parse().map_err(|_| bad()))
            .collect::<io::Result<_>>()?;
        let spread = |i: usize| Spread {
            median: n[i],
            min: n[i + 1],
            max: n[i + 2],
        };
        if n.len() != 14 {
            return Err(bad());
        }
        kept.entry(row.to_owned()).or_default().push(Line {
            row: row.to_owned(),
            peer: peer.to_owned(),
            value: n[0],
            value_ratio: spread(1),
            cpu: n[4],
            cpu_ratio: spread(5),
            p50: n[8],
            p99: n[9],
            p99_ratio: spread(10),
            max: n[13],
        });
    }
    Ok(kept)
}
