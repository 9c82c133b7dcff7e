//! Draws the kept results as SVG charts.

use std::fs;
use std::io;
use std::path::Path;

use plotters::prelude::*;

use crate::report;
use crate::row::ALL;
use crate::serve::Kind;

const COUNTS: [u32; 5] = [1, 4, 64, 1000, 5000];

pub(crate) fn draw(results: &Path, into: &Path) -> io::Result<()> {
    let kept = report::load(results)?;
    fs::create_dir_all(into)?;
    for (size, text) in [(64, "64 B"), (16384, "16 KiB")] {
        type Pick = fn(&report::Line) -> f64;
        let charts: [(&str, String, f64, f64, Pick); 2] = [
            (
                "rate",
                format!("Echo of {text}: requests/s as a part of the epoll loop's"),
                0.0,
                1.2,
                |l| l.value_ratio.median,
            ),
            (
                "cpu",
                format!(
                    "Echo of {text}: server CPU per request, as a multiple of the epoll loop's"
                ),
                0.9,
                2.5,
                |l| l.cpu_ratio.median,
            ),
        ];
        for (name, title, low, high, pick) in charts {
            let mut lines = Vec::new();
            for kind in ALL {
                let points: Vec<(usize, f64)> = COUNTS
                    .iter()
                    .enumerate()
                    .filter_map(|(i, n)| {
                        let row = kept.get(&format!("echo-{size}-{n}"))?;
                        let line = row.iter().find(|l| l.peer == kind.name())?;
                        Some((i, pick(line)))
                    })
                    .collect();
                lines.push((kind, points));
            }
            let file = into.join(format!("echo-{size}-{name}.svg"));
            line_chart(&file, &title, low, high, &lines).map_err(io::Error::other)?;
            println!("{}", file.display());
        }
    }
    if let Some(row) = kept.get("idle") {
        let bars: Vec<(Kind, f64)> = ALL
            .iter()
            .filter_map(|kind| {
                let line = row.iter().find(|l| l.peer == kind.name())?;
                Some((*kind, line.value / 1024.0))
            })
            .collect();
        let file = into.join("idle-memory.svg");
        bar_chart(
            &file,
            "Memory of one idle connection in the server, in KiB",
            &bars,
        )
        .map_err(io::Error::other)?;
        println!("{}", file.display());
    }
    Ok(())
}

type Drawn<T> = Result<T, Box<dyn std::error::Error + Send + Sync>>;

fn line_chart(
    file: &Path,
    title: &str,
    low: f64,
    high: f64,
    lines: &[(Kind, Vec<(usize, f64)>)],
) -> Drawn<()> {
    let root = SVGBackend::new(file, (900, 480)).into_drawing_area();
    root.fill(&WHITE)?;
    let mut chart = ChartBuilder::on(&root)
        .caption(title, ("sans-serif", 18))
        .margin(12)
        .margin_right(190)
        .x_label_area_size(40)
        .y_label_area_size(50)
        .build_cartesian_2d(0.0..(COUNTS.len() - 1) as f64, low..high)?;
    chart
        .configure_mesh()
        .x_labels(COUNTS.len())
        .x_label_formatter(&|x| COUNTS[x.round() as usize].to_string())
        .x_desc("connections")
        .draw()?;
    for (i, (kind, points)) in lines.iter().enumerate() {
        let colour = match kind {
            Kind::Epoll => BLACK.to_rgba(),
            Kind::Ours => RED.to_rgba(),
            _ => Palette99::pick(i + 2).to_rgba(),
        };
        let width = if *kind == Kind::Ours { 3 } else { 1 };
        let style = ShapeStyle::from(&colour).stroke_width(width);
        let inside = points
            .iter()
            .map(|(x, y)| (*x as f64, y.clamp(low, high)))
            .collect::<Vec<_>>();
        chart.draw_series(LineSeries::new(inside.clone(), style))?;
        chart.draw_series(inside.iter().map(|p| Circle::new(*p, 3, colour.filled())))?;
        // The legend is drawn by hand, because the library draws its own only inside the plot.
        let y = 50 + 22 * i as i32;
        root.draw(&PathElement::new(
            [(724, y), (748, y)],
            style.stroke_width(width.max(2)),
        ))?;
        root.draw(&Circle::new((736, y), 3, colour.filled()))?;
        let font = ("sans-serif", 15).into_font();
        root.draw(&Text::new(kind.title(), (756, y - 7), font))?;
    }
    root.present()?;
    Ok(())
}

/// Draws a bar for each server, with its value beside it.
fn bar_chart(file: &Path, title: &str, bars: &[(Kind, f64)]) -> Drawn<()> {
    let high = bars.iter().map(|(_, value)| *value).fold(0.0, f64::max) * 1.15;
    let height = 80 + 32 * bars.len() as u32;
    let root = SVGBackend::new(file, (900, height)).into_drawing_area();
    root.fill(&WHITE)?;
    let mut chart = ChartBuilder::on(&root)
        .caption(title, ("sans-serif", 18))
        .margin(12)
        .margin_left(170)
        .x_label_area_size(30)
        .build_cartesian_2d(0.0..high, 0.0..bars.len() as f64)?;
    chart
        .configure_mesh()
        .disable_y_mesh()
        .disable_y_axis()
        .draw()?;
    // Draw from the bottom up, so that the first server is at the top.
    for (i, (kind, value)) in bars.iter().rev().enumerate() {
        let (low, top) = (i as f64 + 0.2, i as f64 + 0.8);
        let colour = if *kind == Kind::Ours {
            RED.to_rgba()
        } else {
            BLUE.mix(0.35)
        };
        let font = ("sans-serif", 14).into_font();
        chart.draw_series([Rectangle::new([(0.0, low), (*value, top)], colour.filled())])?;
        let label = |text: String, x: f64| Text::new(text, (x, top - 0.1), font.clone());
        chart.draw_series([label(format!("{value:.1}"), value + high * 0.01)])?;
        // The name stands to the left of the axis.
        let (x, y) = chart.backend_coord(&(0.0, top - 0.1));
        root.draw(&Text::new(kind.title(), (x - 160, y), font))?;
    }
    root.present()?;
    Ok(())
}
