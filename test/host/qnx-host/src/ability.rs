//! Abilities of a process: what it may do as root and what as another user. `docs/qnx-ipc.md` 13.
//!
//! This file has the rules; `ability_names.rs` the abilities that servers make up, `ability_record.rs` how others learn what
//! a process may do.

use std::collections::BTreeMap;
use std::fmt::Write;

use crate::errno::Errno;

/// Numbers of abilities that mean something here.
#[allow(missing_docs)]
pub mod aid {
    pub const PATHSPACE: u32 = 5;
    pub const PRIORITY: u32 = 33;
    pub const CONNECTION: u32 = 34;
    pub const PUBLIC_CHANNEL: u32 = 44;
    pub const ABLE_CREATE: u32 = 46;
    pub const SIGEV_THREAD: u32 = 69;
    /// Ends a list.
    pub const EOL: u32 = 0xFFFF;
    /// Abilities with names have numbers from here on. ON-TARGET: the first number of a named ability.
    pub const NAMED: u32 = 0x100;
    /// Bit of a number for a name that nobody has created. ON-TARGET: the number that procmgr_ability_lookup gives then.
    pub const UNCREATED: u32 = 0x8000;
}

/// What is done to an ability, and for which users.
#[allow(missing_docs)]
pub mod operation {
    pub const DENY: u32 = 0x1_0000;
    pub const ALLOW: u32 = 0x2_0000;
    pub const SUBRANGE: u32 = 0x4_0000;
    pub const LOCK: u32 = 0x8_0000;
    pub const INHERIT: u32 = 0xC0_0000;
    pub const ROOT: u32 = 0x1000_0000;
    pub const NONROOT: u32 = 0x2000_0000;
}
use operation::*;

/// For which values of its argument an ability is held.
#[derive(Clone, PartialEq, Eq, Debug)]
enum Allowed {
    No,
    All,
    /// Inclusive.
    Ranges(Vec<(u64, u64)>),
}

#[derive(Clone, PartialEq, Eq, Debug)]
struct Domain {
    allowed: Allowed,
    locked: bool,
}

impl Domain {
    fn new(allowed: bool) -> Domain {
        Domain {
            allowed: if allowed { Allowed::All } else { Allowed::No },
            locked: false,
        }
    }

    fn covers(&self, range: Option<(u64, u64)>) -> bool {
        match (&self.allowed, range) {
            (Allowed::No, _) => false,
            (Allowed::All, _) => true,
            (Allowed::Ranges(_), None) => true,
            (Allowed::Ranges(have), Some((low, high))) => {
                have.iter().any(|(from, to)| *from <= low && high <= *to)
            }
        }
    }

    fn change(&mut self, item: &Item) {
        if item.operations & DENY != 0 {
            self.allowed = Allowed::No;
        } else if item.operations & ALLOW != 0 {
            match (item.range, &mut self.allowed) {
                (None, _) => self.allowed = Allowed::All,
                (Some(range), Allowed::Ranges(have)) => have.push(range),
                (Some(range), _) => self.allowed = Allowed::Ranges(vec![range]),
            }
        }
        self.locked |= item.operations & LOCK != 0;
    }
}

/// One argument of procmgr_ability.
#[derive(Clone, Copy, Debug)]
pub struct Item {
    /// The ability; [`aid::EOL`] = all that the list does not name.
    pub ability: u32,
    /// `operation` bits.
    pub operations: u32,
    /// With SUBRANGE.
    pub range: Option<(u64, u64)>,
}

impl Item {
    fn domains(&self) -> impl Iterator<Item = usize> + use<> {
        let operations = self.operations;
        [(0, ROOT), (1, NONROOT)]
            .into_iter()
            .filter(move |(_, bit)| operations & bit != 0)
            .map(|(domain, _)| domain)
    }

    fn check(&self) -> Result<(), Errno> {
        let known = DENY | ALLOW | SUBRANGE | LOCK | INHERIT | ROOT | NONROOT;
        let wrong = self.operations & !known != 0
            || self.operations & (DENY | ALLOW) == DENY | ALLOW
            || self.operations & (ROOT | NONROOT) == 0
            || self
                .range
                .is_some_and(|(low, high)| low > high || self.operations & ALLOW == 0);
        if wrong { Err(Errno::EINVAL) } else { Ok(()) }
    }
}

/// Who holds an ability before anybody has changed anything: (root, other users).
pub type Default = (bool, bool);

/// What QNX gives by default; `None` for a number that is no ability of QNX's own.
///
/// PATHSPACE is root's on QNX. Here other users need no root to give names in a runtime directory of their own.
pub fn of_qnx(ability: u32) -> Option<Default> {
    match ability {
        aid::PATHSPACE | aid::PUBLIC_CHANNEL | aid::SIGEV_THREAD => Some((true, true)),
        0..aid::NAMED => Some((true, false)),
        _ => None,
    }
}

/// What a process has changed. Index 0 of a pair is for root, 1 for other users.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Table {
    named: BTreeMap<u32, [Domain; 2]>,
    others: [Option<Domain>; 2],
}

impl Table {
    /// Nothing has been changed.
    pub fn is_default(&self) -> bool {
        *self == Table::default()
    }

    /// May a process with this table do what `ability` is for, for all values in `range`?
    pub fn may(&self, ability: u32, default: Default, root: bool, range: Option<(u64, u64)>) -> bool {
        let at = usize::from(!root);
        match (self.named.get(&ability), &self.others[at]) {
            (Some(domains), _) => domains[at].covers(range),
            (None, Some(domain)) => domain.covers(range),
            (None, None) => [default.0, default.1][at],
        }
    }

    fn entry(&mut self, ability: u32, default: Default) -> &mut [Domain; 2] {
        let others = self.others.clone();
        self.named.entry(ability).or_insert_with(|| {
            let [root, other] = others;
            [
                root.unwrap_or(Domain::new(default.0)),
                other.unwrap_or(Domain::new(default.1)),
            ]
        })
    }

    /// procmgr_ability: all of the list or nothing. `root`: the caller's effective user is root.
    ///
    /// `EINVAL` unknown ability or operation, `EPERM` locked, or given to oneself without having it.
    pub fn change(
        &mut self,
        list: &[Item],
        root: bool,
        default: impl Fn(u32) -> Option<Default>,
    ) -> Result<(), Errno> {
        let mut next = self.clone();
        for item in list.iter().filter(|item| item.ability != aid::EOL) {
            item.check()?;
            let default = default(item.ability).ok_or(Errno::EINVAL)?;
            let held = next.may(item.ability, default, root, item.range);
            let domains = next.entry(item.ability, default);
            for domain in item.domains() {
                if domains[domain].locked || (item.operations & ALLOW != 0 && !root && !held) {
                    return Err(Errno::EPERM);
                }
                domains[domain].change(item);
            }
        }
        let listed = |ability: &u32| list.iter().any(|item| item.ability == *ability);
        for item in list
            .iter()
            .filter(|item| item.ability == aid::EOL && item.operations != 0)
        {
            item.check()?;
            if item.operations & ALLOW != 0 && !root {
                return Err(Errno::EPERM);
            }
            for domain in item.domains() {
                let unlisted = next.named.iter_mut().filter(|(ability, _)| !listed(ability));
                for (_, domains) in unlisted.filter(|(_, domains)| !domains[domain].locked) {
                    domains[domain].change(item);
                }
                let others = next.others[domain].get_or_insert(Domain::new(false));
                if !others.locked {
                    others.change(item);
                }
            }
        }
        *self = next;
        Ok(())
    }

    /// As text, without the locks, which concern the process alone.
    pub fn to_text(&self) -> String {
        let mut text = String::new();
        let shown = |domain: Option<&Domain>| match domain.map(|domain| &domain.allowed) {
            None => "default".to_string(),
            Some(Allowed::No) => "none".to_string(),
            Some(Allowed::All) => "all".to_string(),
            Some(Allowed::Ranges(ranges)) => {
                let ranges: Vec<String> = ranges.iter().map(|(low, high)| format!("{low}-{high}")).collect();
                ranges.join(",")
            }
        };
        let [root, other] = &self.others;
        let _ = writeln!(text, "* {} {}", shown(root.as_ref()), shown(other.as_ref()));
        for (ability, [root, other]) in &self.named {
            let _ = writeln!(text, "{ability} {} {}", shown(Some(root)), shown(Some(other)));
        }
        text
    }

    /// Reads [`Table::to_text`]; `None` if it is nothing of the kind.
    pub fn from_text(text: &str) -> Option<Table> {
        let mut table = Table::default();
        for line in text.lines() {
            let [name, root, other] = line.split(' ').collect::<Vec<_>>()[..] else {
                return None;
            };
            let pair = [read_domain(root)?, read_domain(other)?];
            if name == "*" {
                table.others = pair;
            } else {
                let [root, other] = pair;
                table.named.insert(name.parse().ok()?, [root?, other?]);
            }
        }
        Some(table)
    }
}

fn read_domain(word: &str) -> Option<Option<Domain>> {
    let allowed = match word {
        "default" => return Some(None),
        "none" => Allowed::No,
        "all" => Allowed::All,
        ranges => {
            let pair = |range: &str| {
                let (low, high) = range.split_once('-')?;
                Some((low.parse().ok()?, high.parse().ok()?))
            };
            Allowed::Ranges(ranges.split(',').map(pair).collect::<Option<_>>()?)
        }
    };
    Some(Some(Domain {
        allowed,
        locked: false,
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn item(ability: u32, operations: u32) -> Item {
        Item {
            ability,
            operations,
            range: None,
        }
    }

    fn may(table: &Table, ability: u32, root: bool) -> bool {
        table.may(ability, of_qnx(ability).expect("one of QNX's"), root, None)
    }

    #[test]
    fn kept_before_root_is_dropped() {
        let mut table = Table::default();
        assert!(may(&table, aid::PRIORITY, true) && !may(&table, aid::PRIORITY, false));
        let list = [
            item(aid::PRIORITY, ALLOW | NONROOT),
            item(aid::CONNECTION, DENY | LOCK | ROOT),
        ];
        assert_eq!(table.change(&list, true, of_qnx), Ok(()));
        assert!(may(&table, aid::PRIORITY, false));
        assert!(!may(&table, aid::CONNECTION, true));
        let again = [item(aid::CONNECTION, ALLOW | ROOT)];
        assert_eq!(table.change(&again, true, of_qnx), Err(Errno::EPERM), "locked");
    }

    #[test]
    fn nobody_gives_himself_what_he_has_not() {
        let mut table = Table::default();
        let list = [
            item(aid::PUBLIC_CHANNEL, DENY | NONROOT),
            item(aid::PRIORITY, ALLOW | NONROOT),
        ];
        assert_eq!(table.change(&list, false, of_qnx), Err(Errno::EPERM));
        assert!(table.is_default(), "all or nothing");
        assert_eq!(table.change(&list[..1], false, of_qnx), Ok(()));
        assert!(!may(&table, aid::PUBLIC_CHANNEL, false));
    }

    #[test]
    fn the_end_of_the_list_is_for_all_others() {
        let mut table = Table::default();
        let list = [
            item(aid::PRIORITY, ALLOW | NONROOT),
            item(aid::EOL, DENY | ROOT | NONROOT),
        ];
        assert_eq!(table.change(&list, true, of_qnx), Ok(()));
        assert!(may(&table, aid::PRIORITY, false) && may(&table, aid::PRIORITY, true));
        assert!(!may(&table, aid::PUBLIC_CHANNEL, false) && !may(&table, 50, true));
    }

    #[test]
    fn ranges_restrict() {
        let mut table = Table::default();
        let mut some = item(aid::PRIORITY, ALLOW | SUBRANGE | ROOT);
        some.range = Some((64, 100));
        assert_eq!(table.change(&[some], true, of_qnx), Ok(()));
        let ask = |low, high| table.may(aid::PRIORITY, (true, false), true, Some((low, high)));
        assert!(ask(64, 100) && ask(70, 80) && !ask(64, 101) && !ask(10, 10));
    }

    #[test]
    fn wrong_items_are_refused() {
        let mut table = Table::default();
        for wrong in [
            item(4711, ALLOW | ROOT),
            item(aid::PRIORITY, ALLOW | DENY | ROOT),
            item(aid::PRIORITY, ALLOW),
            item(aid::PRIORITY, 0x10_0000 | ROOT),
        ] {
            assert_eq!(
                table.change(&[wrong], true, of_qnx),
                Err(Errno::EINVAL),
                "{wrong:?}"
            );
        }
    }

    #[test]
    fn text_is_read_back() {
        let mut table = Table::default();
        let mut some = item(7, ALLOW | SUBRANGE | NONROOT);
        some.range = Some((1, u64::MAX));
        let list = [
            some,
            item(aid::PRIORITY, DENY | ROOT),
            item(aid::EOL, DENY | NONROOT),
        ];
        assert_eq!(table.change(&list, true, of_qnx), Ok(()));
        assert_eq!(Table::from_text(&table.to_text()), Some(table));
        assert_eq!(Table::from_text("nonsense"), None);
        assert_eq!(Table::from_text("7 default all"), None);
    }
}
