//! Prints the module's counters over all clients: a table, `counters JSON` and the ledger line that the demo reads.

use anyhow::Result;
use csock_apps::ledger::Ledger;
use custom_socket::Session;

fn main() -> Result<()> {
    let session = Session::connect()?;
    let total = session.stats()?.total;
    let rows = total.named();
    for (name, value) in rows {
        println!("{name:<24}{value:>16}");
    }
    let map: serde_json::Map<String, serde_json::Value> = rows
        .into_iter()
        .map(|(name, value)| (name.to_owned(), value.into()))
        .collect();
    println!("counters {}", serde_json::Value::Object(map));
    Ledger {
        ext_mbufs_outstanding: total.ext_mbufs_outstanding,
        worker_wakeups: total.worker_wakeups,
        ..Ledger::default()
    }
    .print()
}
