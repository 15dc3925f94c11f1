//! The bench of the data path still runs: every road moves bytes between real processes, and the keys come out.

use anyhow::{Context, Result, ensure};
use csock_e2e::Place;
use std::os::unix::fs::MetadataExt;

#[test]
fn bench_net_measures_and_prints_every_key() -> Result<()> {
    let place = Place::find()?;
    let dir = csock_apps::stand::scratch_dir("bench")?;
    let json = dir.join("net.json");
    let mut command = place.programs.command("csock-bench");
    command.arg("--module").arg(&place.module);
    command.arg("--programs").arg(place.programs.dir());
    command.args([
        "net",
        "--only",
        "tx_100b",
        "--rounds",
        "1",
        "--milliseconds",
        "100",
    ]);
    let output = command.arg("--json").arg(&json).output()?;
    let said = String::from_utf8_lossy(&output.stderr);
    if std::fs::metadata("/proc/self")?.uid() != 0 {
        ensure!(said.contains("it must be root"), "not root, and it said: {said}");
        return Ok(std::fs::remove_dir_all(&dir)?);
    }
    ensure!(output.status.success(), "{}: {said}", output.status);
    let text = std::fs::read_to_string(&json)?;
    std::fs::remove_dir_all(&dir)?;
    let object: serde_json::Value = serde_json::from_str(&text)?;
    // Copying, in place, by message, over the kernel's sockets, with and without acknowledgements.
    for key in [
        "tx_100b_vs_message_path",
        "tx_100b_vs_kernel",
        "tx_100b_inplace_vs_copy",
        "tx_100b_inflight_fill_20ms",
    ] {
        let value = object.get(key).with_context(|| format!("{key} is missing"))?;
        ensure!(value.as_f64().is_some_and(|v| v > 0.0), "{key}: {value}; {said}");
    }
    // Not asked for: there, without a value.
    ensure!(object.get("rx_100b_vs_kernel").is_some_and(|v| v.is_null()));
    Ok(())
}
