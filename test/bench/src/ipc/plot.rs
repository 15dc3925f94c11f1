//! Bars per interface and system.

use super::{
    Measured,
    report::{INTERFACES, time},
    systems::System,
};
use anyhow::{Result, anyhow};
use plotters::prelude::*;
use std::path::Path;

const COLOURS: [RGBColor; 4] = [
    RGBColor(150, 150, 150),
    RGBColor(90, 130, 190),
    RGBColor(230, 160, 60),
    RGBColor(200, 70, 60),
];

/// Draws microseconds per call on a logarithmic scale into an SVG file.
pub fn draw(measured: &Measured, path: &Path) -> Result<()> {
    draw_inner(measured, path).map_err(|e| anyhow!("cannot draw {}: {e}", path.display()))
}

fn draw_inner(measured: &Measured, path: &Path) -> Result<(), Box<dyn std::error::Error>> {
    let root = SVGBackend::new(path, (900, 420)).into_drawing_area();
    root.fill(&WHITE)?;
    let systems = System::ALL;
    let width = 1.0 / (systems.len() as f64 + 1.0);
    let mut chart = ChartBuilder::on(&root)
        .caption(
            "microseconds per call (calculator: four calls; timer: propagation)",
            ("sans-serif", 18),
        )
        .margin(12)
        .x_label_area_size(30)
        .y_label_area_size(50)
        .build_cartesian_2d(0.0..INTERFACES.len() as f64, (0.1f64..2000.0).log_scale())?;
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
    for (index, system) in systems.into_iter().enumerate() {
        let colour = COLOURS.get(index).copied().unwrap_or(BLACK);
        let mut bars = Vec::new();
        for (group, interface) in INTERFACES.iter().enumerate() {
            let left = group as f64 + width * (index as f64 + 0.5);
            let value = time(measured, system, interface)? / 1000.0;
            bars.push(Rectangle::new(
                [(left, 0.1), (left + width * 0.9, value)],
                colour.filled(),
            ));
        }
        chart
            .draw_series(bars)?
            .label(system.name())
            .legend(move |(x, y)| Rectangle::new([(x, y - 5), (x + 12, y + 5)], colour.filled()));
    }
    chart
        .configure_series_labels()
        .background_style(WHITE.mix(0.8))
        .border_style(BLACK)
        .draw()?;
    root.present()?;
    Ok(())
}
