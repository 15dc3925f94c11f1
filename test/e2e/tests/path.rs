//! The module's path: which io-sock a program talks to, who is let in, and whom a program believes.

use anyhow::{Context, Result, ensure};
use csock_apps::stand::{ORDINARY, Running, Stand, User};
use csock_e2e::{Place, Totals, file, ledger, ordinary_server, payload};
use std::{fs::File, process::Command, time::Duration};

const SOON: Duration = Duration::from_secs(10);

/// What a command printed on both ways, and whether it ended well.
fn said(mut command: Command) -> Result<(bool, String)> {
    let out = command.output().with_context(|| format!("{command:?}"))?;
    let text = String::from_utf8_lossy(&out.stdout).into_owned() + &String::from_utf8_lossy(&out.stderr);
    Ok((out.status.success(), text))
}

/// A client program of the stand, with the io-sock of `sock`.
fn client(stand: &Stand, sock: Option<&str>, name: &str, args: &[&str]) -> Command {
    let mut command = stand.command(name);
    command.args(args).env_remove("SOCK");
    if let Some(sock) = sock {
        command.env("SOCK", sock);
    }
    command
}

/// Bytes that the module of `sock` has received so far.
fn received(stand: &Stand, sock: Option<&str>) -> Result<u64> {
    let (well, text) = said(client(stand, sock, "csock-stat", &[]))?;
    ensure!(well, "csock-stat: {text}");
    let line = text.lines().find_map(|line| line.strip_prefix("rx_bytes "));
    Ok(line.context("no rx_bytes")?.trim().parse()?)
}

/// T17: the node is below the prefix, `SOCK` chooses, and where nobody is nobody answers in his place.
#[test]
fn two_io_socks_side_by_side() -> Result<()> {
    let place = Place::find()?;
    let mut stand = place.stand(&[])?;
    let module = place.module.display().to_string();
    let second = stand.io_sock_beside(&["-o", "prefix=/alt", "-m", &module])?;
    let bytes = payload(71, 1 << 20);
    file(stand.dir(), &bytes)?;
    let (_peer, addr) = ordinary_server(&stand, stand.dir())?;
    let fetch = |sock| {
        client(
            &stand,
            sock,
            "csock-fetch",
            &["--path", "csock", &addr, "payload.bin"],
        )
    };

    let (well, text) = said(fetch(Some("/alt")))?;
    ensure!(well, "over /alt: {text}");
    ensure!(ledger(&text)?.rx_bytes >= bytes.len() as u64);
    ensure!(received(&stand, Some("/alt"))? >= bytes.len() as u64);
    ensure!(received(&stand, None)? == 0, "the first io-sock was asked");

    let (well, text) = said(fetch(None))?;
    ensure!(well, "over the first: {text}");
    ensure!(received(&stand, None)? >= bytes.len() as u64);

    let (well, text) = said(fetch(Some("/none")))?;
    ensure!(!well, "SOCK=/none was served by somebody else");
    ensure!(text.contains("/none/dev/csock"), "the path is not named: {text}");

    // Each ends alone.
    second.signal("TERM")?;
    let (status, text) = second.finish()?;
    ensure!(status.success(), "the second io-sock: {status}\n{text}");
    let (well, text) = said(fetch(Some("/alt")))?;
    ensure!(!well && text.contains("/alt/dev/csock"), "after its end: {text}");
    let (well, text) = said(fetch(None))?;
    ensure!(well, "the first is gone, too: {text}");
    Totals::until_clean(&stand, SOON)?;
    stand.stop()
}

/// A module that would take another one's clients away is not loaded, and says what to do.
#[test]
fn a_path_that_is_served_is_not_taken() -> Result<()> {
    let place = Place::find()?;
    let mut stand = place.stand(&[])?;
    let module = format!("{},path=/dev/csock", place.module.display());
    let log = stand.dir().join("second.log");
    let mut command = stand.command("io-sock");
    command
        .args(["-o", "prefix=/alt", "-m", &module])
        .stderr(File::create(&log)?);
    let mut second = Running::start("io-sock", &mut command)?;
    second.expect("io-sock: ready")?;
    let text = std::fs::read_to_string(&log)?;
    ensure!(
        text.contains("/dev/csock is served already, by process "),
        "{text}"
    );
    ensure!(text.contains("csock.path"), "{text}");
    second.kill()?;
    let (well, text) = said(client(&stand, None, "csock-node", &["find", "/dev/csock"]))?;
    ensure!(well, "{text}");
    let first = stand.io_sock()?.id();
    ensure!(text.starts_with(&format!("{first} ")), "{text}");
    stand.stop()
}

/// What `ls -l /dev/csock` asks; the node goes with its io-sock.
#[test]
fn the_node_can_be_looked_at() -> Result<()> {
    let place = Place::find()?;
    let mut stand = place.stand(&["mode=0640", "uid=7", "gid=8"])?;
    let (well, text) = said(client(&stand, None, "csock-node", &["ls", "/dev/csock"]))?;
    ensure!(well && text.trim() == "s640 7 8", "{text}");
    let (well, text) = said(client(&stand, None, "csock-node", &["ls", "/dev/csock/below"]))?;
    ensure!(!well && text.contains("cannot stat"), "{text}");
    stand.kill()?;
    let (well, text) = said(client(&stand, None, "csock-node", &["ls", "/dev/csock"]))?;
    ensure!(!well && text.contains("cannot stat"), "{text}");
    Ok(())
}

/// S-42: an ordinary user is kept out at the path, and by the module when the connection was made around the path.
#[test]
fn the_path_is_no_gate_and_the_module_is() -> Result<()> {
    let place = Place::find()?;
    if User::from_environment() == User::Own {
        println!("nobody here is another user than io-sock's: this run is root's");
        return Ok(());
    }
    let around = |stand: &Stand| -> Result<String> {
        let mut find = stand.programs().command("csock-node");
        find.args(["find", "/dev/csock"]);
        stand.enter(&mut find, User::Own);
        let (well, server) = said(find)?;
        ensure!(well, "{server}");
        let (pid, chid) = server.trim().split_once(' ').context("pid and chid")?;
        let (_, text) = said(client(stand, None, "csock-node", &["hello", pid, chid]))?;
        Ok(text)
    };
    let mut stand = place.stand(&["mode=0600"])?;
    let (well, text) = said(client(&stand, None, "csock-node", &["open", "/dev/csock", "0"]))?;
    ensure!(!well, "an ordinary user got in");
    ensure!(text.contains("/dev/csock") && text.contains("EACCES"), "{text}");
    let text = around(&stand)?;
    ensure!(text.contains("EACCES"), "around the path: {text}");
    // Root is let in, and nothing of the others is left.
    Totals::until_clean(&stand, SOON)?;
    stand.stop()?;

    let group = format!("gid={ORDINARY}");
    let mut stand = place.stand(&["mode=0060", &group])?;
    let text = around(&stand)?;
    ensure!(text.trim() == "granted", "a member of the group: {text}");
    Totals::until_clean(&stand, SOON)?;
    stand.stop()
}

/// S-42, the other way: a server of a third user at the path of the module gets no session and no byte.
#[test]
fn an_impostor_gets_nothing() -> Result<()> {
    let place = Place::find()?;
    if User::from_environment() == User::Own {
        println!("nobody here is a third user: this run is root's");
        return Ok(());
    }
    let stand = Stand::empty(&place.programs, User::Ordinary)?;
    let third = ORDINARY - 1;
    let mut command = stand.programs().command("csock-node");
    command.args(["impostor", "/dev/csock", &third.to_string()]);
    stand.enter(&mut command, User::Own);
    let mut impostor = Running::start("csock-node", &mut command)?;
    impostor.expect("ready")?;

    let (well, text) = said(client(&stand, None, "csock-node", &["open", "/dev/csock", "0"]))?;
    ensure!(!well, "a session with an impostor");
    let expected = format!("/dev/csock: served by process {} of user {third}", impostor.id());
    ensure!(text.contains(&expected), "{text}");
    // open() and close(), and nothing of csock's.
    for kind in ["0x100", "0x116"] {
        ensure!(impostor.line()? == Some(format!("message {kind}")));
    }
    // Named, it is asked: what comes next is a hello.
    let (_, text) = said(client(
        &stand,
        None,
        "csock-node",
        &["open", "/dev/csock", &third.to_string()],
    ))?;
    ensure!(text.contains("ENOSYS"), "{text}");
    for kind in ["0x100", "0x116"] {
        ensure!(impostor.line()? == Some(format!("message {kind}")));
    }
    let hello = impostor.line()?.context("a hello")?;
    ensure!(hello != "message 0x100", "{hello}");
    impostor.kill()
}
