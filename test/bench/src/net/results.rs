//! What was measured: the outcomes of all cases, round by round.

use super::case::{Case, Outcome};
use serde::Serialize;
use std::collections::BTreeMap;

/// Rounds of each case; what failed says why.
#[derive(Default)]
pub struct Results(BTreeMap<Case, Vec<Result<Outcome, String>>>);

/// One case as it is written out.
#[derive(Serialize)]
pub struct Row<'a> {
    #[serde(flatten)]
    pub case: Case,
    pub outcomes: Vec<&'a Outcome>,
    pub failures: Vec<&'a str>,
}

impl Results {
    /// Adds the next round of a case.
    pub fn add(&mut self, case: Case, outcome: Result<Outcome, String>) {
        self.0.entry(case).or_default().push(outcome);
    }

    /// The outcome of a round; `None` when it failed or was not run.
    pub fn outcome(&self, case: &Case, round: usize) -> Option<&Outcome> {
        self.0.get(case)?.get(round)?.as_ref().ok()
    }

    /// All good outcomes of a case.
    pub fn outcomes(&self, case: &Case) -> impl Iterator<Item = &Outcome> {
        self.0.get(case).into_iter().flatten().flatten()
    }

    /// Why runs of a case failed.
    pub fn failures(&self, case: &Case) -> impl Iterator<Item = &str> {
        let failed = |result: &'_ Result<Outcome, String>| result.as_ref().err().is_some();
        self.0
            .get(case)
            .into_iter()
            .flatten()
            .filter(move |result| failed(result))
            .filter_map(|result| result.as_ref().err().map(String::as_str))
    }

    /// Rounds of the case that has most.
    pub fn rounds(&self) -> usize {
        self.0.values().map(Vec::len).max().unwrap_or(0)
    }

    /// All cases.
    pub fn rows(&self) -> Vec<Row<'_>> {
        let row = |(case, _): (&Case, _)| Row {
            case: *case,
            outcomes: self.outcomes(case).collect(),
            failures: self.failures(case).collect(),
        };
        self.0.iter().map(row).collect()
    }
}
