//! README.md's table of calls against the tests that it names, the functions that the library exports, and the list of
//! what a QNX program may expect.

use std::collections::BTreeSet;
use std::path::Path;

/// Calls and macros of the course on QNX message passing and of `docs/qnx-ipc.md` 2 to 9. Also those that QNX 8 has
/// removed: who looks for them must find why they are not there.
const EXPECTED: &str = "
    ChannelCreate ChannelCreatePulsePool ChannelCreateExt ChannelDestroy
    _NTO_CHF_FIXED_PRIORITY _NTO_CHF_UNBLOCK _NTO_CHF_THREAD_DEATH _NTO_CHF_DISCONNECT _NTO_CHF_NET_MSG
    _NTO_CHF_SENDER_LEN _NTO_CHF_COID_DISCONNECT _NTO_CHF_REPLY_LEN _NTO_CHF_PULSE_POOL _NTO_CHF_GLOBAL _NTO_CHF_PRIVATE
    _NTO_CHF_MSG_PAUSING _NTO_CHF_INHERIT_RUNMASK _NTO_CHF_UNBLOCK_TIMER
    ConnectAttach ConnectDetach ConnectServerInfo ConnectClientInfo ConnectClientInfoExt ConnectClientInfoAble
    ConnectClientInfoExtraArgs ConnectFlags ClientInfoExtFree
    MsgSend MsgSendsv MsgSendvs MsgSendv MsgReceive MsgReceivev MsgReceivePulse MsgReceivePulsev MsgReply MsgReplyv
    MsgError MsgRead MsgReadv MsgWrite MsgWritev MsgInfo MsgCurrent MsgPause MsgReadiov MsgKeyData SETIOV
    MsgSendPulse MsgSendPulsePtr _PULSE_CODE_UNBLOCK _PULSE_CODE_DISCONNECT _PULSE_CODE_THREADDEATH _PULSE_CODE_COIDDEATH
    TimerTimeout
    MsgRegisterEvent MsgUnregisterEvent MsgVerifyEvent MsgDeliverEvent SIGEV_NONE SIGEV_SIGNAL SIGEV_PULSE SIGEV_UNBLOCK
    SIGEV_INTR SIGEV_THREAD SIGEV_MEMORY SIGEV_SEM SIGEV_MAKE_UPDATEABLE
    name_attach name_detach name_open name_close dispatch_create_channel resmgr_attach pathmgr_link pathmgr_unlink
    shm_open shm_unlink shm_ctl shm_create_handle shm_create_subrange_handle shm_open_handle shm_open_handle_pid
    shm_delete_handle shm_revoke mmap munmap mmap_handle mmap_handle_pid ftruncate open close read write fstat
    pthread_mutexattr_setrobust pthread_mutex_lock pthread_mutex_consistent
    pidin names fork
";

struct Row {
    line: usize,
    /// Words of the first column.
    names: BTreeSet<String>,
    state: String,
    tests: Vec<String>,
}

fn words(text: &str) -> BTreeSet<String> {
    let is_word = |c: char| c.is_alphanumeric() || c == '_';
    let words = text.split(|c| !is_word(c)).filter(|word| !word.is_empty());
    words.map(str::to_owned).collect()
}

/// Rows of all tables that say which test shows what.
fn rows() -> Vec<Row> {
    let readme = Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md");
    let text = std::fs::read_to_string(readme).expect("README.md");
    let mut rows = Vec::new();
    let mut inside = false;
    for (number, line) in text.lines().enumerate() {
        let Some(line) = line
            .strip_prefix('|')
            .and_then(|line| line.trim_end().strip_suffix('|'))
        else {
            inside = false;
            continue;
        };
        let cells: Vec<&str> = line.split('|').map(str::trim).collect();
        if cells.last() == Some(&"Test") {
            inside = true;
        } else if inside && !cells.iter().all(|cell| cell.chars().all(|c| c == '-')) {
            let line = number + 1;
            assert_eq!(cells.len(), 3, "README.md line {line}: not three columns");
            let tests = cells[2].split(',').map(str::trim).filter(|test| !test.is_empty());
            rows.push(Row {
                line,
                names: words(cells[0]),
                state: cells[1].to_owned(),
                tests: tests.map(str::to_owned).collect(),
            });
        }
    }
    assert!(
        rows.len() > 50,
        "the table is not where it was: {} rows",
        rows.len()
    );
    rows
}

/// Names of the tests in `tests/file.rs` or `tests/file/`.
fn tests_in(file: &str) -> BTreeSet<String> {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests");
    let places = [dir.join(format!("{file}.rs")), dir.join(file).join("mod.rs")];
    let text = places
        .iter()
        .find_map(|place| std::fs::read_to_string(place).ok());
    let text = text.unwrap_or_default();
    let mut found = BTreeSet::new();
    let mut lines = text.lines();
    while let Some(line) = lines.next() {
        if line.trim() == "#[test]" {
            let name = lines.next().and_then(|line| line.trim().strip_prefix("fn "));
            let name = name.and_then(|line| line.split('(').next());
            found.extend(name.map(str::to_owned));
        }
    }
    found
}

/// Every `file::test` that the table names is a test.
#[test]
fn named_tests_exist() {
    let mut missing = Vec::new();
    for row in rows() {
        for test in &row.tests {
            let known = test
                .split_once("::")
                .is_some_and(|(file, name)| tests_in(file).contains(name));
            if !known {
                missing.push(format!("line {}: {test}", row.line));
            }
        }
    }
    assert!(
        missing.is_empty(),
        "no such test in tests/:\n{}",
        missing.join("\n")
    );
}

/// Every row says works, differs or absent, and what works or differs has a test that shows it.
#[test]
fn every_row_has_a_state_and_a_test() {
    for row in rows() {
        let state = words(row.state.split([' ', ':', ';', '.']).next().unwrap_or(""));
        let known = ["works", "differs", "absent"]
            .iter()
            .find(|known| state.contains(**known));
        let known = known.unwrap_or_else(|| panic!("line {}: state {:?}", row.line, row.state));
        assert!(
            *known == "absent" || !row.tests.is_empty(),
            "line {}: no test",
            row.line
        );
        let says_how = row.state.len() > known.len() + 2;
        assert!(*known == "works" || says_how, "line {}: how, or why?", row.line);
    }
}

/// What a name is listed under: `_r` and `nc` forms under the plain one.
fn listed_under(symbol: &str) -> [&str; 3] {
    let plain = symbol.strip_suffix("_r").unwrap_or(symbol);
    [symbol, plain, plain.strip_suffix("nc").unwrap_or(plain)]
}

/// Every function that the library exports, and every call that a QNX program may expect, has a row.
#[test]
fn every_call_has_a_row() {
    let all: BTreeSet<String> = rows().into_iter().flat_map(|row| row.names).collect();
    let exported = qnx_host::symbols();
    assert!(exported.len() > 100);
    let exported = exported.iter().map(|(name, _)| *name);
    let expected = EXPECTED.split_ascii_whitespace();
    let has_row = |name: &str| listed_under(name).iter().any(|name| all.contains(*name));
    let missing: Vec<&str> = exported.chain(expected).filter(|name| !has_row(name)).collect();
    assert!(missing.is_empty(), "no row for {missing:?}");
}
