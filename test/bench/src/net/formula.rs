//! What a figure must be, and how it is made of the numbers of single runs.

use super::{
    case::{Case, Outcome},
    results::Results,
};
use std::fmt;

/// What a figure must be.
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum Bar {
    AtLeast(f64),
    AtMost(f64),
    /// Within a hundredth: a window of time cuts through a transfer.
    About(f64),
}

impl Bar {
    /// Whether `value` meets it.
    pub fn is_met(self, value: f64) -> bool {
        match self {
            Self::AtLeast(bar) => value >= bar,
            Self::AtMost(bar) => value <= bar,
            Self::About(bar) => (value - bar).abs() <= 0.01 * bar.abs(),
        }
    }
}

impl fmt::Display for Bar {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::AtLeast(bar) => write!(f, "≥ {bar}"),
            Self::AtMost(bar) => write!(f, "≤ {bar}"),
            Self::About(bar) => write!(f, "{bar}"),
        }
    }
}

/// A number of one run.
pub type Metric = fn(&Case, &Outcome) -> f64;
/// A number of one case's runs.
pub type Term = (Case, Metric);

/// How a figure is made, for each round by itself.
#[derive(Clone)]
pub enum Formula {
    One(Term),
    Ratio(Term, Term),
    /// A ratio divided by another one.
    RatioOfRatios([Term; 4]),
    Largest(Vec<Term>),
}

impl Formula {
    /// The terms.
    pub fn terms(&self) -> Vec<Term> {
        match self {
            Self::One(one) => vec![*one],
            Self::Ratio(a, b) => vec![*a, *b],
            Self::RatioOfRatios(four) => four.to_vec(),
            Self::Largest(all) => all.clone(),
        }
    }

    /// The figure of one round; `None` when a run of it is missing.
    pub fn value(&self, results: &Results, round: usize) -> Option<f64> {
        let of = |(case, metric): &Term| Some(metric(case, results.outcome(case, round)?));
        match self {
            Self::One(one) => of(one),
            Self::Ratio(a, b) => Some(of(a)? / of(b)?),
            Self::RatioOfRatios([a, b, c, d]) => Some(of(a)? / of(b)? / (of(c)? / of(d)?)),
            Self::Largest(all) => all
                .iter()
                .map(of)
                .try_fold(f64::NEG_INFINITY, |largest, v| Some(largest.max(v?))),
        }
    }
}
