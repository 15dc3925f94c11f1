//! Loading the module, moving data both ways, unloading it. Also the whole of what runs on aarch64 under emulation.

use anyhow::{Result, ensure};
use csock_apps::fetch::hex;
use csock_e2e::{Place, Totals, file, get, httpd, ledger, ordinary_server, payload};
use sha2::{Digest, Sha256};
use std::time::Duration;

const SOON: Duration = Duration::from_secs(10);

#[test]
fn serves_an_ordinary_client_without_a_copy() -> Result<()> {
    let (ledger, _) = serve(&["copy_below=0"])?;
    ensure!(
        ledger.tx_bytes_copied == 0,
        "{} of {} sent bytes were copied",
        ledger.tx_bytes_copied,
        ledger.tx_bytes
    );
    Ok(())
}

#[test]
fn copies_only_what_is_short_by_default() -> Result<()> {
    let (ledger, length) = serve(&[])?;
    // The head goes into the socket's open piece (a copy of the library) and is below csock.copy_below (one of the module).
    let head = ledger.tx_bytes - length;
    ensure!(
        (head..=2 * head).contains(&ledger.tx_bytes_copied),
        "{} bytes were copied; the head of the answer has {head}",
        ledger.tx_bytes_copied,
    );
    Ok(())
}

/// Serves one file to an ordinary client over a module loaded with `options`: what was counted, and the length of the file.
fn serve(options: &[&str]) -> Result<(csock_apps::ledger::Ledger, u64)> {
    let place = Place::find()?;
    let mut stand = place.stand(options)?;
    let bytes = payload(1, place.size());
    let path = file(stand.dir(), &bytes)?;
    let (server, addr) = httpd(&stand, &path)?;
    ensure!(
        get(&addr)? == bytes,
        "the bytes that arrived are not the bytes that were sent"
    );
    let (status, text) = server.finish()?;
    ensure!(status.success(), "the server ended with {status}");
    let ledger = ledger(&text)?;
    let totals = Totals::until_clean(&stand, SOON)?;
    ensure!(
        totals.tx_bytes >= bytes.len() as u64 && totals.ext_mbufs_total > 0,
        "{totals:?}"
    );
    stand.stop()?;
    Ok((ledger, bytes.len() as u64))
}

#[test]
fn fetches_from_an_ordinary_server_with_one_copy() -> Result<()> {
    let place = Place::find()?;
    let mut stand = place.stand(&[])?;
    let bytes = payload(2, place.size());
    file(stand.dir(), &bytes)?;
    let (_server, addr) = ordinary_server(&stand, stand.dir())?;
    let ledger = ledger(&stand.run("csock-fetch", &["--path", "csock", &addr, "payload.bin"])?)?;
    ensure!(
        ledger.sha256 == Some(hex(&Sha256::digest(&bytes))),
        "the bytes that arrived are not the bytes that were sent"
    );
    ensure!(
        ledger.rx_bytes_copied == ledger.rx_bytes,
        "{} copied for {} received",
        ledger.rx_bytes_copied,
        ledger.rx_bytes
    );
    Totals::until_clean(&stand, SOON)?;
    stand.stop()
}

#[test]
fn copies_when_the_option_says_so() -> Result<()> {
    let place = Place::find()?;
    let mut stand = place.stand(&["tx=copy"])?;
    let bytes = payload(3, place.size());
    let path = file(stand.dir(), &bytes)?;
    let (server, addr) = httpd(&stand, &path)?;
    ensure!(
        get(&addr)? == bytes,
        "the bytes that arrived are not the bytes that were sent"
    );
    let (_, text) = server.finish()?;
    let ledger = ledger(&text)?;
    ensure!(
        ledger.tx_bytes_copied == ledger.tx_bytes,
        "{} copied for {} sent",
        ledger.tx_bytes_copied,
        ledger.tx_bytes
    );
    let totals = Totals::until_clean(&stand, SOON)?;
    ensure!(totals.ext_mbufs_total == 0, "{totals:?}");
    stand.stop()
}

#[test]
fn mounts_and_unmounts_at_run_time() -> Result<()> {
    let place = Place::find()?;
    let mut stand = csock_apps::stand::Stand::bare(&place.programs)?;
    let module = place.module.display().to_string();
    let node = "/dev/io-sock/mods-csock.so";
    for round in 0..3 {
        stand.run("io-sock-ctl", &["mount", "-T", "io-sock", &module])?;
        ensure!(
            stand.run("io-sock-ctl", &["ls"])?.contains("mods-csock"),
            "round {round}: no node after mount"
        );
        let bytes = payload(10 + round, place.size() / 4);
        let path = file(stand.dir(), &bytes)?;
        let (server, addr) = httpd(&stand, &path)?;
        ensure!(
            get(&addr)? == bytes,
            "round {round}: the bytes that arrived are not the bytes that were sent"
        );
        server.finish()?;
        Totals::until_clean(&stand, SOON)?;
        stand.run("io-sock-ctl", &["umount", node])?;
        ensure!(
            !stand.run("io-sock-ctl", &["ls"])?.contains("mods-csock"),
            "round {round}: a node after umount"
        );
    }
    stand.stop()
}
