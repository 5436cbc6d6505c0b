//! Archives and folders.

use super::super::sources_in;
use super::*;

fn file(rows: &str) -> Vec<u8> {
    format!("{BIKES}{rows}").into_bytes()
}

#[test]
fn archives_hold_what_they_were_made_of() {
    let rows = good_rows(600);
    let plain = read_one(MetricType::Bikes, file(&rows)).unwrap();
    let (first, second) = rows.split_at(rows.match_indices('\n').nth(250).unwrap().0 + 1);
    let members = [gzip(&file(first)), gzip(second.as_bytes())].concat();
    let archive = zip(&[
        ("README.txt", b"hello"),
        ("__MACOSX/._a.csv", b"\0\0"),
        ("b/one.csv", &file(first)),
        ("two.CSV", &file(second)),
    ]);
    for data in [gzip(&file(&rows)), members, archive] {
        let read = read_one(MetricType::Bikes, data).unwrap();
        assert_eq!((hours(&read), said(&read)), (hours(&plain), said(&plain)));
        assert_eq!(read.tally.kept, plain.tally.kept);
    }
}

#[test]
fn an_archive_that_was_cut_off_tells_the_line_that_was_reached() {
    let mut noise = 7_u32;
    let rows: String = (0..2000)
        .map(|_| {
            noise = noise.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            bike("c1", "2024-02-01T00:00:00Z", &(noise >> 12).to_string())
        })
        .collect();
    let packed = gzip(&file(&rows));
    let error = error_of(&packed[..packed.len() / 2]);
    let line: u64 = error.strip_prefix("file, line ").unwrap().split(':').next().unwrap().parse().unwrap();
    assert!((500..1500).contains(&line) && error.contains("the archive ends here"), "{error}");

    let mut broken = packed.clone();
    broken[packed.len() - 6] ^= 1;
    let error = error_of(broken);
    assert!(error.starts_with("file, line 2002: the archive is damaged from here on"), "{error}");

    let archive = zip(&[("a.csv", &file(&rows))]);
    let error = error_of(&archive[..archive.len() / 2]);
    assert!(error.contains("the archive's list of contents, at its end, is missing or damaged"), "{error}");
    let mut broken = archive.clone();
    broken[archive.len() / 2] ^= 0xFF;
    let error = error_of(broken);
    assert!(error.starts_with("file, a.csv, line ") && error.contains("archive"), "{error}");
}

#[test]
fn archives_in_archives_are_refused() {
    let inner = gzip(&file(&good_rows(5)));
    for data in [gzip(&inner), zip(&[("a.csv.gz", &inner)]), gzip(&zip(&[("a.csv", b"x")]))] {
        let error = error_of(data);
        assert!(error.contains("this is an archive inside an archive"), "{error}");
    }
    let error = error_of(zip(&[("LICENCE.txt", b"x")]));
    assert!(error.contains("there is no data file"), "{error}");
}

#[test]
fn bombs_are_refused() {
    let limits = Limits { expanded: 1 << 20, ..limits() };
    let data = gzip(&file(&good_rows(20_000)));
    let error = read(MetricType::Bikes, &[source("bomb", data)], &limits, &()).unwrap_err().to_string();
    assert!(error.starts_with("bomb: more than 1048576 bytes come out of this archive"), "{error}");

    // Good rows, so that nothing else stops it, but with very long names.
    let row = bike("a", "2024-02-01T00:00:00Z", "1").replace("Quai a", &"a".repeat(4000 - 100));
    let error = error_of(gzip(&file(&row.repeat(20_000))));
    assert!(error.starts_with("file: this archive holds more than 500 times its own size"), "{error}");
}

#[test]
fn a_folder_gives_its_data_files_in_order() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    std::fs::create_dir(at("sub")).unwrap();
    for name in ["b.csv", "a.csv.gz", "notes.txt", ".hidden.csv", "sub/c.JSON"] {
        std::fs::write(at(name), "x").unwrap();
    }
    let names: Vec<_> = sources_in(folder.path()).unwrap().iter().map(Source::name).collect();
    assert_eq!(names, ["a.csv.gz", "b.csv", "sub/c.JSON"].map(|name| at(name).display().to_string()));
    assert_eq!(sources_in(&at("notes.txt")).unwrap().len(), 1, "a file that is named is taken");
    std::fs::create_dir(at("empty")).unwrap();
    assert!(sources_in(&at("empty")).unwrap_err().to_string().contains("there is no data file here"));
    assert!(sources_in(&at("nothing")).unwrap_err().to_string().contains("cannot be read"));
}
