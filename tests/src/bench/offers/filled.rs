//! A store filled through the product's own import.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;
use std::time::Duration;

use anyhow::{Result, ensure};
use serde_json::Value;

use super::super::stop;
use super::world;
use crate::eventually;
use crate::halles::{Data, Serve, command, program};
use crate::store_view::StoreView;

/// A million people are written down after so long, on a busy machine.
const FOLDED: Duration = Duration::from_mins(15);

/// Fills an empty folder with offers and people.
pub(super) async fn fill(folder: &Path, offers: usize, users: usize) -> Result<()> {
    let files = [folder.join("offers.jsonl"), folder.join("users.jsonl")];
    write(&files[0], (0..offers).map(world::offer))?;
    write(&files[1], (0..users).map(world::user))?;
    let mut import = command(&program("halles")?);
    let output = import.args(["offers", "import", "--data"]).arg(folder).args(&files).output()?;
    ensure!(output.status.success(), "the import said {}", String::from_utf8_lossy(&output.stderr));
    for file in files {
        std::fs::remove_file(file)?;
    }
    let data = Data::Folder(folder.to_path_buf());
    let server = Serve::on(&data)?.start_ready().await?;
    let view = StoreView::of(&data)?;
    let written = eventually("everybody to be written down", FOLDED, async || {
        let known = view.number("SELECT COUNT(*) FROM offer_user")?;
        Ok((known >= i64::try_from(users)?).then_some(()))
    });
    written.await?;
    stop(server)
}

fn write(file: &Path, records: impl Iterator<Item = Value>) -> Result<()> {
    let mut file = BufWriter::new(File::create(file)?);
    for record in records {
        writeln!(file, "{record}")?;
    }
    Ok(file.flush()?)
}
