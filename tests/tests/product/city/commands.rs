//! `halles city` beside a server and without one.

use std::fs;
use std::path::Path;
use std::process::Output;

use anyhow::{Result, ensure};
use product_tests::city::bikes;
use product_tests::halles::{Data, command, program};
use serde_json::Value;

use super::empty;
use crate::folder;

const DAY: &str = "2024-01-10";

fn city(data: &Path, arguments: &[&str]) -> Result<Output> {
    Ok(command(&program("halles")?).arg("city").args(arguments).arg("--data").arg(data).output()?)
}

fn said(output: &Output) -> String {
    [&output.stdout, &output.stderr].map(|bytes| String::from_utf8_lossy(bytes).into_owned()).join("\n")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_folder_is_imported_and_read_back() -> Result<()> {
    let (folder, data) = folder()?;
    let (store, files) = (folder.path().join("store"), folder.path().join("files"));
    fs::create_dir_all(&files)?;
    let days = [DAY, "2024-01-11"];
    for (name, day) in ["a.csv", "b.csv"].into_iter().zip(days) {
        fs::write(files.join(name), bikes(2, &[day], 100))?;
    }
    fs::write(files.join("read-me.txt"), "not data")?;
    let files = files.to_string_lossy().into_owned();

    let imported = city(&store, &["import", "bikes", &files])?;
    ensure!(imported.status.success(), "{}", said(&imported));
    let text = said(&imported);
    ensure!(text.contains("96 rows read, 96 kept") && text.contains("2 days published"), "{text}");
    let again = city(&store, &["import", "bikes", &files, "--json"])?;
    let again: Value = serde_json::from_slice(&again.stdout)?;
    assert_eq!(again["jours_modifies"], 0);

    let report = city(&store, &["report", DAY])?;
    let report: Value = serde_json::from_slice(&report.stdout)?;
    assert_eq!(report["summary"]["total_velos_paris"].as_f64(), Some(2.0 * 2_676.0));
    let csv = city(&store, &["report", DAY, "--csv"])?;
    ensure!(csv.stdout.starts_with("\u{feff}".as_bytes()), "{}", said(&csv));
    let quality = city(&store, &["quality", "bikes", DAY])?;
    ensure!(quality.status.success(), "{}", said(&quality));
    for arguments in [["report", "1999-01-01"].as_slice(), &["quality", "bikes", "1999-01-01"]] {
        assert_eq!(city(&store, arguments)?.status.code(), Some(1), "{arguments:?}");
    }
    drop(data);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_damaged_file_is_named_with_its_line_and_imports_nothing() -> Result<()> {
    let (folder, _) = folder()?;
    let (store, file) = (folder.path().join("store"), folder.path().join("cut.csv"));
    fs::write(&file, format!("{}1-1;\"Compteur", bikes(1, &[DAY], 5)))?;
    let failed = city(&store, &["import", "bikes", &file.to_string_lossy()])?;
    assert_eq!(failed.status.code(), Some(1));
    ensure!(said(&failed).contains("cut.csv, line 26"), "{}", said(&failed));
    assert_eq!(city(&store, &["report", DAY])?.status.code(), Some(1));
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn while_a_server_holds_the_data_its_call_is_named() -> Result<()> {
    let (folder, data) = folder()?;
    let _server = empty(&data).await?;
    let Data::Folder(store) = &data else { anyhow::bail!("a folder") };
    let file = folder.path().join("a.csv");
    fs::write(&file, bikes(1, &[DAY], 5))?;
    let refused = city(store, &["import", "bikes", &file.to_string_lossy()])?;
    assert_eq!(refused.status.code(), Some(1));
    ensure!(said(&refused).contains("POST /metrics/imports?type=bikes"), "{}", said(&refused));
    Ok(())
}
