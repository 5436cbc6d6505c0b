//! A damaged file is named with its line, and touches nothing.

use anyhow::{Context as _, Result, ensure};
use product_tests::city::{BIKES, bikes, ended, import, send, total};

use super::empty;
use crate::folder;

const DAY: &str = "2024-01-10";

/// Something that is no whole file of bicycle counts, and what is said of it.
fn damaged() -> Vec<(Vec<u8>, &'static str)> {
    let good = bikes(1, &[DAY], 5);
    let mut not_utf8 = good.clone().into_bytes();
    not_utf8.extend_from_slice(b"1-1;Caf\xe9;1;Site;5;2024-01-10T05:00:00+01:00;;;\n");
    vec![
        (Vec::new(), "empty"),
        (b"<!DOCTYPE html><html><body>503</body></html>".to_vec(), "HTML"),
        (b"date;total\n2024-01-10;5\n".to_vec(), "column"),
        (not_utf8, "line 26"),
        (format!("{BIKES}{}", "x".repeat(2 << 20)).into_bytes(), "line 2"),
        ([0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3, 1, 2, 3].to_vec(), "archive"),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_damaged_fails_and_touches_nothing() -> Result<()> {
    let (_folder, data) = folder()?;
    let server = empty(&data).await?;
    let mut client = server.client();
    import(&mut client, "bikes", bikes(1, &[DAY], 100)).await?;
    let before = total(&mut client, &format!("/metrics/bikes/{DAY}")).await?;
    for (body, told) in damaged() {
        let answer = send(&mut client, "bikes", body).await?;
        let failed = if answer.status == 202 {
            let id = answer.json()?["id"].as_str().context("an id")?.to_owned();
            let import = ended(&mut client, &id).await?;
            ensure!(import["etat"] == "FAILED", "{import}");
            import["erreur"].as_str().unwrap_or_default().to_owned()
        } else {
            answer.expect(422)?.to_string()
        };
        ensure!(failed.to_lowercase().contains(&told.to_lowercase()), "{told} in {failed}");
        assert_eq!(total(&mut client, &format!("/metrics/bikes/{DAY}")).await?, before);
    }
    Ok(())
}
