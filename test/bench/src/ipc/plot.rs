//! Bars per interface and system.

use super::{
    Measured,
    report::{DOCUMENT, DOCUMENT_SYSTEMS, INTERFACES, time},
    systems::System,
};
use anyhow::{Result, anyhow};
use plotters::prelude::*;
use std::path::Path;

/// Where the bars stand: a logarithmic scale has no zero.
const BOTTOM: f64 = 0.1;

/// Far enough above the highest bar that the legend covers none.
const TOP: f64 = 50_000.0;

const COLOURS: [RGBColor; 4] = [
    RGBColor(150, 150, 150),
    RGBColor(90, 130, 190),
    RGBColor(230, 160, 60),
    RGBColor(200, 70, 60),
];

/// A group of bars' legend and its value for each of [`INTERFACES`], microseconds.
type Row = (&'static str, Vec<f64>);

/// Draws microseconds per call on a logarithmic scale into an SVG file: this machine's on the left, the document's on the right.
pub fn draw(measured: &Measured, path: &Path) -> Result<()> {
    let mut ours: Vec<Row> = Vec::new();
    for system in System::ALL {
        let values = INTERFACES.map(|interface| time(measured, system, interface).map(|ns| ns / 1000.0));
        ours.push((system.name(), values.into_iter().collect::<Result<_>>()?));
    }
    let theirs: Vec<Row> = DOCUMENT_SYSTEMS
        .into_iter()
        .enumerate()
        .map(|(index, name)| {
            (
                name,
                DOCUMENT
                    .iter()
                    .filter_map(|(_, f)| f.get(index).copied())
                    .collect(),
            )
        })
        .collect();
    draw_both(&ours, &theirs, path).map_err(|e| anyhow!("cannot draw {}: {e}", path.display()))
}

fn draw_both(ours: &[Row], theirs: &[Row], path: &Path) -> Result<(), Box<dyn std::error::Error>> {
    let root = SVGBackend::new(path, (1200, 440)).into_drawing_area();
    root.fill(&WHITE)?;
    let (left, right) = root.split_horizontally(660);
    draw_one(&left, "this machine: microseconds per call", ours)?;
    draw_one(&right, "another machine's (the third mission document)", theirs)?;
    root.present()?;
    Ok(())
}

type Area<'a> = DrawingArea<SVGBackend<'a>, plotters::coord::Shift>;

fn draw_one(area: &Area<'_>, caption: &str, rows: &[Row]) -> Result<(), Box<dyn std::error::Error>> {
    let width = 1.0 / (rows.len() as f64 + 1.0);
    let mut chart = ChartBuilder::on(area)
        .caption(caption, ("sans-serif", 18))
        .margin(12)
        .x_label_area_size(30)
        .y_label_area_size(50)
        .build_cartesian_2d(0.0..INTERFACES.len() as f64, (BOTTOM..TOP).log_scale())?;
    chart
        .configure_mesh()
        .disable_x_mesh()
        .x_labels(INTERFACES.len() * 2 + 1)
        .x_label_formatter(&|x| {
            // A label in the middle of each group only.
            let at = (x - 0.5).round();
            if (x - 0.5 - at).abs() < 1e-6 {
                INTERFACES
                    .get(at as usize)
                    .map_or(String::new(), |s| (*s).to_owned())
            } else {
                String::new()
            }
        })
        .y_label_formatter(&|y| format!("{y}"))
        .draw()?;
    for (index, (name, values)) in rows.iter().enumerate() {
        let colour = COLOURS.get(index).copied().unwrap_or(BLACK);
        let bar = |(group, value): (usize, &f64)| {
            let left = group as f64 + width * (index as f64 + 0.5);
            Rectangle::new([(left, BOTTOM), (left + width * 0.9, *value)], colour.filled())
        };
        chart
            .draw_series(values.iter().enumerate().map(bar))?
            .label(*name)
            .legend(move |(x, y)| Rectangle::new([(x, y - 5), (x + 12, y + 5)], colour.filled()));
    }
    chart
        .configure_series_labels()
        .position(SeriesLabelPosition::UpperRight)
        .background_style(WHITE.mix(0.8))
        .border_style(BLACK)
        .draw()?;
    Ok(())
}
