//! `sysctl qnx.module.csock`: every counter, everything that is "now", every refusal and every tunable, with what it is.

use anyhow::{Context, Result, ensure};
use csock_apps::stand::Stand;
use csock_e2e::{Place, file, get, httpd, payload};
use std::collections::BTreeMap;

const NODE: &str = "qnx.module.csock";

fn below(stand: &Stand, args: &[&str]) -> Result<BTreeMap<String, String>> {
    let text = stand.run("io-sock-ctl", &[&["sysctl"], args].concat())?;
    let lines = text.lines().map(|line| {
        let (name, value) = line.split_once(": ").context(line.to_owned())?;
        Ok((name.to_owned(), value.to_owned()))
    });
    lines.collect()
}

#[test]
fn the_tree_has_every_counter_and_every_tunable() -> Result<()> {
    let place = Place::find()?;
    let mut stand = place.stand(&["burst=65536"])?;
    let values = below(&stand, &[NODE])?;
    let number = |name: &str| -> Result<u64> {
        let value = values.get(&format!("{NODE}.{name}"));
        value
            .with_context(|| format!("no {name} in {values:?}"))?
            .parse()
            .context(name.to_owned())
    };
    ensure!(number("tunable.burst")? == 65536);
    ensure!(number("tunable.close_ms")? == 60_000);
    ensure!(number("now.sessions_open")? == 0);
    ensure!(number("refused.sessions")? == 0);
    ensure!(number("version")? > 0);
    for (group, least) in [("stats", 17), ("now", 5), ("refused", 6), ("tunable", 22)] {
        let node = format!("{NODE}.{group}.");
        let mine = values.iter().filter(|(name, _)| name.starts_with(&node));
        ensure!(mine.clone().count() >= least, "{group}: {values:?}");
        for (name, value) in mine {
            value.parse::<u64>().with_context(|| format!("{name}: {value}"))?;
        }
    }
    let texts = below(&stand, &["-d", NODE])?;
    for name in values.keys() {
        ensure!(
            texts.get(name).is_some_and(|text| text.len() > 3),
            "{name} says nothing"
        );
    }
    // One by its name, and none is written.
    let one = below(&stand, &[&format!("{NODE}.tunable.burst")])?;
    ensure!(one.len() == 1, "{one:?}");
    ensure!(
        stand
            .run("io-sock-ctl", &["sysctl", &format!("{NODE}.tunable.burst=1")])
            .is_err()
    );
    stand.stop()
}

#[test]
fn what_clients_do_is_counted() -> Result<()> {
    let place = Place::find()?;
    let mut stand = place.stand(&[])?;
    let before = below(&stand, &[&format!("{NODE}.stats")])?;
    ensure!(
        before.values().all(|value| value == "0"),
        "nobody came: {before:?}"
    );
    let bytes = payload(44, 1 << 20);
    let path = file(stand.dir(), &bytes)?;
    let (server, addr) = httpd(&stand, &path)?;
    ensure!(get(&addr)? == bytes, "the bytes came changed");
    server.finish()?;
    let after = below(&stand, &[&format!("{NODE}.stats")])?;
    let number = |name: &str| -> Result<usize> {
        let value = after.get(&format!("{NODE}.stats.{name}"));
        value
            .with_context(|| format!("no {name}"))?
            .parse()
            .context(name.to_owned())
    };
    for name in [
        "control_msgs",
        "doorbells",
        "doorbell_wakeups",
        "worker_wakeups",
        "events",
        "rx_bytes",
        "rx_bytes_copied",
        "ext_mbufs_total",
        "sends",
        "entries_accepted",
    ] {
        ensure!(number(name)? > 0, "{name} is not counted: {after:?}");
    }
    ensure!(number("tx_bytes")? > bytes.len(), "{after:?}");
    ensure!(number("faults")? == 0, "{after:?}");
    stand.stop()
}
