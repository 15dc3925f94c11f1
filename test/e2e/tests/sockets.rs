//! Every check of socket behaviour, each in a process of its own, with both ways of sending.

use anyhow::{Result, ensure};
use csock_e2e::{Place, Totals, checks::ALL};
use std::time::Duration;

fn all(options: &[&str]) -> Result<()> {
    let place = Place::find()?;
    let mut stand = place.stand(options)?;
    let mut failed = Vec::new();
    for (name, _) in ALL {
        match stand.run("csock-check", &[name]) {
            Ok(_) => println!("ok {name}"),
            Err(e) => {
                println!("FAILED {name}: {e:#}");
                failed.push(*name);
            }
        }
        // A check must leave nothing behind either, its process being gone.
        Totals::until_clean(&stand, Duration::from_secs(10))
            .map_err(|e| e.context(format!("after {name}")))?;
    }
    println!("{} checks of socket behaviour", ALL.len());
    ensure!(failed.is_empty(), "failed: {failed:?}");
    stand.stop()
}

#[test]
fn behave_without_a_copy() -> Result<()> {
    all(&["orphan_ms=300"])
}

#[test]
fn behave_with_tx_copy() -> Result<()> {
    all(&["orphan_ms=300", "tx=copy"])
}
