//! The stack holds on to a client's memory: external mbufs released late, out of order, and while the module is unloaded.

use anyhow::{Result, ensure};
use csock_e2e::{Place, Totals, file, get, httpd, payload};
use std::time::Duration;

const SOON: Duration = Duration::from_secs(20);
const NODE: &str = "/dev/io-sock/mods-csock.so";

#[test]
fn late_and_reordered_releases_change_nothing() -> Result<()> {
    let place = Place::find()?;
    let mut stand = place.stand(&[])?;
    let bytes = payload(41, 8 << 20);
    let path = file(stand.dir(), &bytes)?;
    for (delay, reorder) in [("5", "0"), ("0", "1"), ("5", "1")] {
        stand.run(
            "io-sock-ctl",
            &["sysctl", &format!("standin.release_delay_ms={delay}")],
        )?;
        stand.run(
            "io-sock-ctl",
            &["sysctl", &format!("standin.release_reorder={reorder}")],
        )?;
        let (server, addr) = httpd(&stand, &path)?;
        ensure!(
            get(&addr)? == bytes,
            "delay {delay} ms, reorder {reorder}: the bytes came changed"
        );
        server.finish()?;
        Totals::until_clean(&stand, SOON)?;
    }
    stand.stop()
}

#[test]
fn a_dead_clients_memory_stays_until_the_last_mbuf_is_gone() -> Result<()> {
    let place = Place::find()?;
    let mut stand = place.stand(&["orphan_ms=100"])?;
    let bytes = payload(42, 8 << 20);
    let path = file(stand.dir(), &bytes)?;
    stand.run("io-sock-ctl", &["sysctl", "standin.release_delay_ms=1500"])?;
    let (server, addr) = httpd(&stand, &path)?;
    let mut peer = std::net::TcpStream::connect(addr)?;
    std::io::Write::write_all(&mut peer, b"GET /payload.bin HTTP/1.0\r\n\r\n")?;
    std::thread::sleep(Duration::from_millis(200));
    let before = Totals::read(&stand)?;
    ensure!(
        before.ext_mbufs_outstanding > 0,
        "nothing is in the stack: the test tests nothing: {before:?}"
    );
    server.kill()?;
    std::thread::sleep(Duration::from_millis(300));
    let after = Totals::read(&stand)?;
    ensure!(
        after.ext_mbufs_outstanding > 0,
        "released before the delay: {after:?}"
    );
    // The reader's own session has no more than one pool; the dead client's must still be there.
    ensure!(
        after.pools_mapped >= before.pools_mapped,
        "unmapped under external mbufs: {after:?}"
    );
    drop(peer);
    Totals::until_clean(&stand, SOON)?;
    stand.run("io-sock-ctl", &["sysctl", "standin.release_delay_ms=0"])?;
    stand.stop()
}

#[test]
fn unload_with_mbufs_outstanding_is_safe() -> Result<()> {
    let place = Place::find()?;
    let mut stand = place.stand(&["orphan_ms=100", "unload_ms=300"])?;
    let bytes = payload(43, 8 << 20);
    let path = file(stand.dir(), &bytes)?;
    stand.run("io-sock-ctl", &["sysctl", "standin.release_delay_ms=3000"])?;
    let (server, addr) = httpd(&stand, &path)?;
    let mut peer = std::net::TcpStream::connect(addr)?;
    std::io::Write::write_all(&mut peer, b"GET /payload.bin HTTP/1.0\r\n\r\n")?;
    std::thread::sleep(Duration::from_millis(200));
    ensure!(
        Totals::read(&stand)?.ext_mbufs_outstanding > 0,
        "nothing is in the stack: the test tests nothing"
    );
    // The stack still points into the client's memory: the unload is refused, and everything stays valid.
    let refused = stand.run("io-sock-ctl", &["umount", NODE]);
    ensure!(refused.is_err(), "unloaded with external mbufs in the stack");
    drop(peer);
    server.kill()?;
    // Once they are back it goes through.
    stand.run("io-sock-ctl", &["sysctl", "standin.release_delay_ms=0"])?;
    let start = std::time::Instant::now();
    while stand.run("io-sock-ctl", &["umount", NODE]).is_err() {
        ensure!(start.elapsed() < SOON, "still refused after {SOON:?}");
        std::thread::sleep(Duration::from_millis(100));
    }
    // And a new one can be mounted in its place.
    let module = place.module.display().to_string();
    stand.run("io-sock-ctl", &["mount", "-T", "io-sock", &module])?;
    let (server, addr) = httpd(&stand, &path)?;
    ensure!(
        get(&addr)? == bytes,
        "after the second mount: the bytes came changed"
    );
    server.finish()?;
    stand.stop()
}
