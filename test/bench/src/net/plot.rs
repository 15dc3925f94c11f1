//! Four charts: what is sent and received in a second, how long an answer takes, and what an operation costs.

use super::{
    Measured,
    case::{
        Case, RoadKind,
        Scenario::{self, RequestResponse, StreamIn, StreamOut},
    },
    formula::Metric,
    keys,
    plan::{STREAM_SIZES, TURN_SIZES},
};
use crate::samples::Samples;
use anyhow::{Result, anyhow};
use plotters::prelude::*;
use std::{ops::Range, path::Path};

fn colour(road: RoadKind) -> RGBColor {
    match road {
        RoadKind::CsockCopy => RGBColor(200, 70, 60),
        RoadKind::CsockInPlace => RGBColor(230, 160, 60),
        RoadKind::Message => RGBColor(150, 150, 150),
        RoadKind::Kernel => RGBColor(90, 130, 190),
    }
}

/// One chart: for each size a group of bars, one for each road.
struct Chart {
    caption: &'static str,
    scenario: Scenario,
    sizes: &'static [u32],
    metric: Metric,
    /// The logarithmic axis, with room for the legend above the highest bar.
    axis: Range<f64>,
}

const CHARTS: [Chart; 4] = [
    Chart {
        caption: "streaming out: MiB/s",
        scenario: StreamOut,
        sizes: &STREAM_SIZES,
        metric: mib_a_second,
        axis: 1.0..1_000_000.0,
    },
    Chart {
        caption: "streaming in: MiB/s",
        scenario: StreamIn,
        sizes: &STREAM_SIZES,
        metric: mib_a_second,
        axis: 1.0..1_000_000.0,
    },
    Chart {
        caption: "request and response: µs, median",
        scenario: RequestResponse,
        sizes: &TURN_SIZES,
        metric: |case, o| keys::p50(case, o) / 1000.0,
        axis: 1.0..10_000.0,
    },
    Chart {
        caption: "streaming out: µs of CPU for a message, program and io-sock",
        scenario: StreamOut,
        sizes: &STREAM_SIZES,
        metric: |case, o| 1e6 * keys::cpu(case, o),
        axis: 0.01..1_000_000.0,
    },
];

fn mib_a_second(case: &Case, o: &super::case::Outcome) -> f64 {
    keys::rate(case, o) * f64::from(case.size) / f64::from(1 << 20)
}

/// Draws what was measured as an ordinary user on two cores into an SVG file.
pub fn draw(measured: &Measured, path: &Path) -> Result<()> {
    draw_all(measured, path).map_err(|e| anyhow!("cannot draw {}: {e}", path.display()))
}

fn draw_all(measured: &Measured, path: &Path) -> Result<(), Box<dyn std::error::Error>> {
    let root = SVGBackend::new(path, (1200, 800)).into_drawing_area();
    root.fill(&WHITE)?;
    for (area, chart) in root.split_evenly((2, 2)).iter().zip(CHARTS) {
        chart.draw(area, measured)?;
    }
    root.present()?;
    Ok(())
}

fn size_name(size: u32) -> String {
    match size {
        s if s >= 1 << 20 => format!("{} MiB", s >> 20),
        s if s >= 1 << 10 => format!("{} KiB", s >> 10),
        s => format!("{s} B"),
    }
}

type Area<'a> = DrawingArea<SVGBackend<'a>, plotters::coord::Shift>;

impl Chart {
    fn draw(&self, area: &Area<'_>, measured: &Measured) -> Result<(), Box<dyn std::error::Error>> {
        let width = 1.0 / (RoadKind::ALL.len() as f64 + 1.0);
        let mut chart = ChartBuilder::on(area)
            .caption(self.caption, ("sans-serif", 17))
            .margin(12)
            .x_label_area_size(30)
            .y_label_area_size(55)
            .build_cartesian_2d(0.0..self.sizes.len() as f64, self.axis.clone().log_scale())?;
        chart
            .configure_mesh()
            .disable_x_mesh()
            .x_labels(self.sizes.len() * 2 + 1)
            .x_label_formatter(&|x| {
                // A label in the middle of each group only.
                let at = (x - 0.5).round();
                match self.sizes.get(at as usize) {
                    Some(size) if (x - 0.5 - at).abs() < 1e-6 => size_name(*size),
                    _ => String::new(),
                }
            })
            .y_label_formatter(&|y| format!("{y}"))
            .draw()?;
        for (index, road) in RoadKind::ALL.into_iter().enumerate() {
            let bar = |(group, size): (usize, &u32)| {
                let case = Case::new(self.scenario, road, *size);
                let mut samples = Samples::default();
                for outcome in measured.results.outcomes(&case) {
                    samples.push((self.metric)(&case, outcome));
                }
                let value = Some(samples.median()).filter(|v| v.is_finite())?;
                let left = group as f64 + width * (index as f64 + 0.5);
                let top = value.max(self.axis.start);
                Some(Rectangle::new(
                    [(left, self.axis.start), (left + width * 0.9, top)],
                    colour(road).filled(),
                ))
            };
            chart
                .draw_series(self.sizes.iter().enumerate().filter_map(bar))?
                .label(road.name())
                .legend(move |(x, y)| Rectangle::new([(x, y - 5), (x + 12, y + 5)], colour(road).filled()));
        }
        chart
            .configure_series_labels()
            .position(SeriesLabelPosition::UpperLeft)
            .background_style(WHITE.mix(0.8))
            .border_style(BLACK)
            .draw()?;
        Ok(())
    }
}
