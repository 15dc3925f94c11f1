//! One figure, measured several times: the machine is small and shared, so a single run proves little.

/// Results of the runs of one measurement.
#[derive(Clone, Debug, Default)]
pub struct Samples(Vec<f64>);

impl Samples {
    /// Adds a run's result.
    pub fn push(&mut self, value: f64) {
        self.0.push(value);
    }

    /// The middle one (of an even number the lower middle); NaN when nothing was measured.
    pub fn median(&self) -> f64 {
        let mut sorted = self.0.clone();
        sorted.sort_by(f64::total_cmp);
        sorted
            .get(sorted.len().saturating_sub(1) / 2)
            .copied()
            .unwrap_or(f64::NAN)
    }

    /// The smallest and the largest.
    pub fn range(&self) -> (f64, f64) {
        self.0
            .iter()
            .fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), &v| {
                (low.min(v), high.max(v))
            })
    }
}

#[cfg(test)]
mod tests {
    use super::Samples;

    #[test]
    fn the_middle_and_the_ends() {
        let mut samples = Samples::default();
        assert!(samples.median().is_nan());
        for value in [5.0, 1.0, 9.0, 2.0] {
            samples.push(value);
        }
        assert_eq!(samples.median(), 2.0);
        samples.push(7.0);
        assert_eq!((samples.median(), samples.range()), (5.0, (1.0, 9.0)));
    }
}
