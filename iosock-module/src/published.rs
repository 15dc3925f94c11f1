//! What `sysctl qnx.module.csock` shows. The lists are `counters!`, `now!`, `refusals!` and `numbers!`; the build script reads the
//! same ones to make the C side of it (`iosock_build::Registration`), which asks for a value by its place in them.

use crate::{
    config::Config,
    counters::{self, CounterSet, Refusals},
    machine::Platform,
    table::Table,
};

/// A node below `qnx.module.csock` and the names there.
type Group = (&'static str, &'static [&'static str]);

/// The order of [`value`].
const ORDER: &[Group] = &[
    ("stats", CounterSet::NAMES),
    ("now", counters::NOW),
    ("refused", Refusals::NAMES),
    ("tunable", Config::NAMES),
];

/// What the build script found in the source.
const PUBLISHED: &[Group] = include!(concat!(env!("OUT_DIR"), "/iosock_module_values.rs"));

const _: () = assert!(
    same_groups(ORDER, PUBLISHED),
    "the build script reads other lists than the module has"
);

/// The value at `index` of all lists, one behind the other.
pub fn value<P: Platform>(table: &Table<P>, index: u32) -> Option<u64> {
    let index = usize::try_from(index).ok()?;
    let stats = table.totals.values();
    let now = counters::now(&table.ledger());
    let refused = table.refusals.values();
    let tunables = table.config.values();
    let mut all = stats.iter().chain(&now).chain(&refused).chain(&tunables);
    all.nth(index).copied()
}

const fn same_groups(mut a: &[Group], mut b: &[Group]) -> bool {
    while let ([(name_a, list_a), rest_a @ ..], [(name_b, list_b), rest_b @ ..]) = (a, b) {
        if !same_bytes(name_a.as_bytes(), name_b.as_bytes()) || !same_names(list_a, list_b) {
            return false;
        }
        (a, b) = (rest_a, rest_b);
    }
    a.is_empty() && b.is_empty()
}

const fn same_names(mut a: &[&str], mut b: &[&str]) -> bool {
    while let ([name_a, rest_a @ ..], [name_b, rest_b @ ..]) = (a, b) {
        if !same_bytes(name_a.as_bytes(), name_b.as_bytes()) {
            return false;
        }
        (a, b) = (rest_a, rest_b);
    }
    a.is_empty() && b.is_empty()
}

const fn same_bytes(mut a: &[u8], mut b: &[u8]) -> bool {
    while let ([byte_a, rest_a @ ..], [byte_b, rest_b @ ..]) = (a, b) {
        if *byte_a != *byte_b {
            return false;
        }
        (a, b) = (rest_a, rest_b);
    }
    a.is_empty() && b.is_empty()
}

#[cfg(test)]
mod tests {
    use super::{ORDER, PUBLISHED, same_groups, value};
    use crate::testing::Rig;
    use core::sync::atomic::Ordering;

    #[test]
    fn each_value_is_at_the_place_of_its_name() {
        let rig = Rig::new();
        rig.table.totals.faults.store(7, Ordering::Relaxed);
        rig.table.refusals.hurried.store(8, Ordering::Relaxed);
        rig.table.config.tune(c"csock.burst", 12_345);
        let names = ORDER
            .iter()
            .flat_map(|(group, names)| names.iter().map(move |name| (*group, *name)));
        let values: Vec<_> = (0..).map_while(|index| value(rig.table, index)).collect();
        let all: Vec<_> = names.zip(values.iter().copied()).collect();
        assert_eq!(all.len(), values.len());
        for seen in [
            (("stats", "faults"), 7),
            (("now", "sessions_open"), 0),
            (("refused", "hurried"), 8),
            (("tunable", "burst"), 12_345),
        ] {
            assert!(all.contains(&seen), "{seen:?} in {all:?}");
        }
    }

    #[test]
    fn a_difference_is_seen() {
        assert!(same_groups(ORDER, PUBLISHED));
        assert!(!same_groups(ORDER, &PUBLISHED[1..]));
        assert!(!same_groups(&ORDER[..1], &[("stats", &ORDER[0].1[1..])]));
        assert!(!same_groups(&ORDER[..1], &[("state", ORDER[0].1)]));
        assert!(!same_groups(&[("a", &["b", "c"])], &[("a", &["b", "cc"])]));
    }
}
