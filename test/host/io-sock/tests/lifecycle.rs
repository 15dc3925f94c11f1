//! Loading and unloading: order of calls, refusals, mounting at run time, several stacks.

mod common;

use common::{
    compile::{self, LINKERS, Linker},
    process::IoSock,
};
use std::{fs, path::PathBuf};

fn with_sample(linker: Linker) -> PathBuf {
    let dir = compile::scratch("modules");
    compile::module(&dir, "sample.c", "mods-sample.so", linker, &[]);
    dir
}

/// The lines of a log that a module printed.
fn printed(log: &str, prefix: &str) -> Vec<String> {
    log.lines()
        .filter_map(|line| line.strip_prefix(prefix))
        .map(str::to_owned)
        .collect()
}

#[test]
fn the_sample_module_of_the_documentation() {
    for linker in LINKERS {
        let dir = with_sample(linker);
        let io_sock = IoSock::start(&dir, &["-m", "sample"]);
        assert_eq!(io_sock.ctl_ok(&["ls"]), "mods-sample.so");
        assert_eq!(
            io_sock.ctl_ok(&["sysctl", "qnx.module.sample"]),
            "qnx.module.sample: 65540"
        );
        assert_eq!(io_sock.ctl_ok(&["umount", "/dev/io-sock/mods-sample.so"]), "");
        assert_eq!(io_sock.ctl_ok(&["ls"]), "");
        let (ok, _, error) = io_sock.ctl(&["sysctl", "qnx.module.sample"]);
        assert!(!ok);
        assert_eq!(error, "io-sock-ctl: unknown sysctl 'qnx.module.sample'");
        for _ in 0..3 {
            assert_eq!(io_sock.ctl_ok(&["mount", "-T", "io-sock", "sample"]), "");
            assert_eq!(io_sock.ctl_ok(&["ls"]), "mods-sample.so");
            assert_eq!(io_sock.ctl_ok(&["umount", "mods-sample.so"]), "");
        }
        let path = dir.join("mods-sample.so");
        assert_eq!(
            io_sock.ctl_ok(&["mount", "-T", "io-sock", path.to_str().unwrap()]),
            ""
        );
        let (status, log) = io_sock.stop();
        assert_eq!(status, Some(0), "{log}");
        assert_eq!(
            printed(&log, "sample: "),
            ["loaded", "unloaded"].repeat(5),
            "{log}"
        );
    }
}

#[test]
fn sysinits_and_sysuninits_run_in_order() {
    let dir = compile::scratch("modules");
    compile::bad(&dir, "order", "BAD_ORDER");
    let (status, log) = IoSock::start(&dir, &["-m", "order"]).stop();
    assert_eq!(status, Some(0), "{log}");
    let expected = [
        "init tunables first",
        "init tunables second",
        "init pseudo first",
        "event 0",
        "init last",
        "event 3",
        "event 1",
        "uninit last",
        "uninit drivers",
        "uninit lock",
    ];
    assert_eq!(printed(&log, "bad: "), expected, "{log}");
}

#[test]
fn a_handler_that_fails_is_told_to_unload() {
    let dir = compile::scratch("modules");
    compile::bad(&dir, "bad", "BAD_HANDLER");
    let io_sock = IoSock::start(&dir, &["-m", "bad"]);
    assert_eq!(io_sock.ctl_ok(&["ls"]), "");
    assert_eq!(
        printed(&io_sock.log(), "bad: "),
        ["event 0", "event 1", "uninit drivers"]
    );
    // Nothing of it is left: it can be tried again.
    let (ok, _, error) = io_sock.ctl(&["mount", "-T", "io-sock", "bad"]);
    assert!(!ok);
    assert_eq!(
        error,
        "io-sock-ctl: cannot mount bad: module bad answered MOD_LOAD with ENOMEM (12)"
    );
    assert_eq!(io_sock.stop().0, Some(0));
}

#[test]
fn a_module_can_refuse_to_go() {
    for (fault, event, status) in [("BAD_VETO", "MOD_UNLOAD", 1), ("BAD_QUIESCE", "MOD_QUIESCE", 0)] {
        let dir = compile::scratch("modules");
        compile::bad(&dir, "bad", fault);
        let io_sock = IoSock::start(&dir, &["-m", "bad"]);
        let (ok, _, error) = io_sock.ctl(&["umount", "/dev/io-sock/mods-bad.so"]);
        assert!(!ok);
        let why = format!("module bad answered {event} with EBUSY (16)");
        assert_eq!(
            error,
            format!("io-sock-ctl: cannot umount /dev/io-sock/mods-bad.so: {why}")
        );
        assert_eq!(io_sock.ctl_ok(&["ls"]), "mods-bad.so");
        let (ended, log) = io_sock.stop();
        assert_eq!(ended, Some(status), "{log}");
        assert_eq!(
            log.contains(&format!("io-sock: cannot unload mods-bad.so: {why}")),
            status == 1,
            "{log}"
        );
    }
}

#[test]
fn modules_go_in_reverse_order() {
    let dir = with_sample(Linker::Lld);
    compile::bad(&dir, "other", "BAD_ORDER");
    let (status, log) = IoSock::start(&dir, &["-m", "sample", "-m", "other"]).stop();
    assert_eq!(status, Some(0));
    let at = |text: &str| log.find(text).unwrap_or_else(|| panic!("no '{text}' in:\n{log}"));
    assert!(at("sample: loaded") < at("bad: event 0"));
    assert!(at("bad: event 1") < at("sample: unloaded"));
}

#[test]
fn mount_says_what_is_wrong() {
    let dir = with_sample(Linker::Lld);
    let io_sock = IoSock::start(&dir, &[]);
    let (ok, _, error) = io_sock.ctl(&["mount", "-T", "io-sock", "nothing"]);
    assert!(!ok);
    let tried = format!("{0}/devs-nothing.so, {0}/mods-nothing.so", dir.display());
    assert_eq!(
        error,
        format!("io-sock-ctl: cannot mount nothing: no such module 'nothing'; looked for {tried}")
    );
    io_sock.ctl_ok(&["mount", "-T", "io-sock", "sample"]);
    let (ok, _, error) = io_sock.ctl(&["mount", "-T", "io-sock", "sample"]);
    assert!(!ok);
    assert!(
        error.ends_with("mods-sample.so is already loaded: EEXIST (17)"),
        "{error}"
    );
    let (ok, _, error) = io_sock.ctl(&["umount", "/dev/io-sock/mods-nothing.so"]);
    assert!(!ok);
    assert!(
        error.ends_with("/dev/io-sock/mods-nothing.so is not loaded"),
        "{error}"
    );
}

#[test]
fn the_administration_tool_can_end_io_sock() {
    let dir = with_sample(Linker::Lld);
    let mut io_sock = IoSock::start(&dir, &["-m", "sample"]);
    io_sock.ctl_ok(&["stop"]);
    assert_eq!(io_sock.wait(), Some(0));
    assert!(io_sock.log().contains("sample: unloaded"));
    let (ok, _, error) = io_sock.ctl(&["ls"]);
    assert!(!ok);
    assert_eq!(error, "io-sock-ctl: io-sock is not running");
}

#[test]
fn tunables_come_from_options_and_a_file() {
    let dir = compile::scratch("modules");
    compile::module(&dir, "tunables.c", "mods-tunables.so", Linker::Gnu, &[]);
    let config = dir.join("config");
    fs::write(
        &config,
        "# tunables\n\ntunables.number=\"3\"\ntunables.text=\"file\"\nhint.tunables.0.speed=\"0x20\"\n",
    )
    .unwrap();
    let option = format!("config={}", config.display());
    let io_sock = IoSock::start(&dir, &["-o", &option, "-m", "tunables", "text=option,flag"]);
    let value = |name: &str| io_sock.ctl_ok(&["sysctl", &format!("debug.tunables.{name}")]);
    assert_eq!(value("number"), "debug.tunables.number: 3");
    assert_eq!(value("text"), "debug.tunables.text: option");
    assert_eq!(value("fetched"), "debug.tunables.fetched: 1");
    assert_eq!(value("speed"), "debug.tunables.speed: 32");
    assert_eq!(value("untouched"), "debug.tunables.untouched: 77");
    // Written at run time, and refused.
    assert_eq!(
        io_sock.ctl_ok(&["sysctl", "debug.tunables.number=-9"]),
        "debug.tunables.number: 3 -> -9"
    );
    assert_eq!(
        io_sock.ctl_ok(&["sysctl", "debug.tunables.text=hello world"]),
        "debug.tunables.text: option -> hello world"
    );
    assert_eq!(
        io_sock.ctl_ok(&["sysctl", "debug.tunables.even=4"]),
        "debug.tunables.even: 0 -> 4"
    );
    for (write, error) in [
        (
            "debug.tunables.number=x",
            "'x' is no value of sysctl debug.tunables.number",
        ),
        (
            "debug.tunables.number=4294967296",
            "'4294967296' is no value of sysctl debug.tunables.number",
        ),
        (
            "debug.tunables.speed=1",
            "sysctl debug.tunables.speed cannot be written: EPERM (1)",
        ),
        ("debug.tunables.even=5", "sysctl debug.tunables.even: EINVAL (22)"),
        (
            "debug.tunables.text=0123456789012345678901234567890123456789",
            "sysctl debug.tunables.text: EINVAL (22)",
        ),
        (
            "debug.tunables.nothing=1",
            "unknown sysctl 'debug.tunables.nothing'",
        ),
    ] {
        let (ok, _, text) = io_sock.ctl(&["sysctl", write]);
        assert!(!ok, "{write}");
        assert_eq!(text, format!("io-sock-ctl: {error}"));
    }
    let all = io_sock.ctl_ok(&["sysctl", "debug.tunables"]);
    assert_eq!(all.lines().count(), 6, "{all}");
}

#[test]
fn sysctls_say_what_they_are() {
    let dir = compile::scratch("modules");
    compile::module(&dir, "tunables.c", "mods-tunables.so", Linker::Gnu, &[]);
    let io_sock = IoSock::start(&dir, &["-m", "tunables"]);
    let describe = |name: &str| io_sock.ctl_ok(&["sysctl", "-d", name]);
    assert_eq!(describe("debug.tunables.speed"), "debug.tunables.speed: a hint");
    let node = describe("debug.tunables");
    assert_eq!(
        node.lines().next(),
        Some("debug.tunables: test of tunables"),
        "{node}"
    );
    assert_eq!(node.lines().count(), 1 + 6, "{node}");
    let all = io_sock.ctl_ok(&["sysctl", "-d"]);
    assert!(all.contains("\ndebug.tunables.text: a text\n"), "{all}");
    assert!(
        !all.contains("debug.tunables: "),
        "a node is told when it is asked for: {all}"
    );
    let (ok, _, error) = io_sock.ctl(&["sysctl", "-d", "debug.nothing"]);
    assert_eq!(
        (ok, error.as_str()),
        (false, "io-sock-ctl: unknown sysctl 'debug.nothing'")
    );
    let names = |args: &[&str]| {
        let text = io_sock.ctl_ok(args);
        let names = text
            .lines()
            .filter_map(|line| Some(line.split_once(':')?.0.to_owned()));
        names.collect::<Vec<_>>()
    };
    assert_eq!(names(&["sysctl"]), names(&["sysctl", "-a"]));
    for wrong in [
        ["ls", "-d"].as_slice(),
        &["stat", "-a"],
        &["sysctl", "-a", "kern"],
    ] {
        let (ok, _, error) = io_sock.ctl(wrong);
        assert!(!ok && error.contains("io-sock-ctl: -a"), "{wrong:?}: {error}");
    }
}

#[test]
fn a_bad_configuration_ends_io_sock() {
    let dir = compile::scratch("modules");
    for (args, text) in [
        (
            vec!["-o".to_owned(), "config=/nonexistent".to_owned()],
            "io-sock: cannot read /nonexistent: ",
        ),
        (
            vec!["-o".to_owned(), format!("config={}", env!("CARGO_MANIFEST_PATH"))],
            "line 1: '[package]' is not name=\"value\"",
        ),
        (vec!["-m".to_owned()], "io-sock: "),
    ] {
        let output = std::process::Command::new(env!("CARGO_BIN_EXE_io-sock"))
            .args(&args)
            .env("QNX_HOST_DIR", dir.join("qnx"))
            .output()
            .unwrap();
        let error = String::from_utf8_lossy(&output.stderr);
        assert!(!output.status.success());
        assert!(error.contains(text), "{error}");
        assert_eq!(error.lines().count(), 1, "{error}");
    }
}

#[test]
fn two_stacks() {
    let dir = with_sample(Linker::Lld);
    let first = IoSock::start(&dir, &["-m", "sample"]);
    let second = first.start_beside("/alt", &dir, &[]);
    assert_eq!(first.ctl_ok(&["ls"]), "mods-sample.so");
    assert_eq!(second.ctl_ok(&["ls"]), "");
    second.ctl_ok(&["mount", "-T", "io-sock", "sample"]);
    first.ctl_ok(&["umount", "mods-sample.so"]);
    assert_eq!(second.ctl_ok(&["ls"]), "mods-sample.so");
    assert_eq!(second.stop().0, Some(0));
    assert_eq!(first.ctl_ok(&["ls"]), "");
    // The name is free again.
    let third = first.start_beside("/alt", &dir, &["-m", "sample"]);
    assert_eq!(third.ctl_ok(&["ls"]), "mods-sample.so");
}

#[test]
fn a_name_that_is_taken() {
    let first = IoSock::start(std::path::Path::new("/nowhere"), &[]);
    let output = std::process::Command::new(env!("CARGO_BIN_EXE_io-sock"))
        .env("QNX_HOST_DIR", first.qnx_dir())
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(1));
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(
        error.starts_with("io-sock: cannot attach the name dev/socket: E"),
        "{error}"
    );
    assert_eq!(first.ctl_ok(&["ls"]), "");
}

#[test]
fn a_module_that_leaves_a_thread_behind() {
    let dir = compile::scratch("modules");
    compile::bad(&dir, "bad", "BAD_THREAD");
    let io_sock = IoSock::start(&dir, &["-m", "bad"]);
    io_sock.ctl_ok(&["umount", "mods-bad.so"]);
    let line =
        "io-sock: mods-bad.so stays mapped, for it left behind kernel threads: 1; the target would fault";
    assert!(io_sock.log().contains(line), "{}", io_sock.log());
    // The thread runs on, and so does io-sock.
    std::thread::sleep(std::time::Duration::from_millis(100));
    assert_eq!(io_sock.ctl_ok(&["ls"]), "");
    assert_eq!(io_sock.stop().0, Some(0));
}

#[test]
fn settings_of_the_stand_in_come_from_file_environment_and_sysctl() {
    let dir = compile::scratch("modules");
    let file = dir.join("tunables");
    fs::write(&file, "standin.ack_delay_ms=\"7\"\n").unwrap();
    let config = format!("config={}", file.display());
    let of_all = "standin.tcp_acks=1, standin.ack_delay_ms=5";
    let io_sock = IoSock::start_with(&[("IO_SOCK_SETTINGS", of_all)], &dir, &["-o", &config]);
    let setting = |name: &str| io_sock.ctl_ok(&["sysctl", name]);
    assert_eq!(setting("standin.tcp_acks"), "standin.tcp_acks: 1");
    assert_eq!(
        setting("standin.ack_delay_ms"),
        "standin.ack_delay_ms: 7",
        "its own file wins"
    );
    assert_eq!(setting("standin.delack_ms"), "standin.delack_ms: 40");
    assert_eq!(setting("standin.delack_ms=0"), "standin.delack_ms: 40 -> 0");
    assert_eq!(io_sock.stop().0, Some(0));

    let output = std::process::Command::new(env!("CARGO_BIN_EXE_io-sock"))
        .env("QNX_HOST_DIR", dir.join("qnx"))
        .env("IO_SOCK_SETTINGS", "standin.tcp_ack=1")
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(1));
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(
        error.contains("no such setting or value: standin.tcp_ack=1"),
        "{error}"
    );
}
