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

    // Good rows, so that nothing else stops it, but with very long addresses of photos.
    let row = bike("a", "2024-02-01T00:00:00Z", "1").replace("https:", &"a".repeat(4000 - 200));
    let error = error_of(gzip(&file(&row.repeat(2_000))));
    assert!(error.starts_with("file: this archive holds more than 500 times its own size"), "{error}");
}

#[test]
fn a_folder_gives_its_data_files_in_order() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    std::fs::create_dir(at("sub")).unwrap();
    for name in ["b.csv", "a.csv.gz", "notes.txt", ".hidden.csv", "sub/c.JSON", "map.geojson"] {
        std::fs::write(at(name), "x").unwrap();
    }
    let names: Vec<_> = sources_in(folder.path()).unwrap().iter().map(Source::name).collect();
    assert_eq!(names, ["a.csv.gz", "b.csv", "sub/c.JSON"].map(|name| at(name).display().to_string()));
    assert_eq!(sources_in(&at("notes.txt")).unwrap().len(), 1, "a file that is named is taken");
    std::fs::create_dir(at("empty")).unwrap();
    assert!(sources_in(&at("empty")).unwrap_err().to_string().contains("there is no data file here"));
    assert!(sources_in(&at("nothing")).unwrap_err().to_string().contains("cannot be read"));
}

#[cfg(unix)]
#[test]
fn links_and_names_in_other_encodings_are_followed_and_read() {
    use std::os::unix::ffi::OsStringExt as _;
    use std::os::unix::fs::symlink;

    let (folder, elsewhere) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let latin = folder.path().join(std::ffi::OsString::from_vec(b"\xE9t\xE9.csv".to_vec()));
    std::fs::write(&latin, file(&good_rows(5))).unwrap();
    std::fs::write(elsewhere.path().join("a.csv"), file(&good_rows(10))).unwrap();
    symlink(elsewhere.path(), folder.path().join("linked")).unwrap();
    symlink(folder.path(), elsewhere.path().join("back")).unwrap();
    let sources = sources_in(folder.path()).unwrap();
    assert_eq!(sources.len(), 2, "{sources:?}");
    assert_eq!(read(MetricType::Bikes, &sources, &limits(), &()).unwrap().tally.kept, 10);
}

#[cfg(unix)]
#[test]
fn what_is_no_file_is_not_opened() {
    let folder = tempfile::tempdir().unwrap();
    let pipe = folder.path().join("x.csv");
    rustix::fs::mknodat(rustix::fs::CWD, &pipe, rustix::fs::FileType::Fifo, rustix::fs::Mode::RWXU, 0)
        .unwrap();
    let sources = sources_in(folder.path()).unwrap();
    let error = read(MetricType::Bikes, &sources, &limits(), &()).unwrap_err().to_string();
    assert!(error.ends_with(
        "x.csv: this is not a regular file, which is what can be read; write the data to one first"
    ));
    let folder = Source::File(folder.path().to_owned());
    assert!(matches!(read(MetricType::Bikes, &[folder], &limits(), &()), Err(InputError::NotAFile(_))));
}

#[test]
fn of_two_members_with_one_name_both_are_read() {
    let rows = good_rows(20);
    let (first, second) = rows.split_at(rows.match_indices('\n').nth(9).unwrap().0 + 1);
    let mut archive = zip(&[("a.csv", &file(first)), ("b.csv", &file(second))]);
    for at in 0..archive.len() - 5 {
        if archive[at..].starts_with(b"b.csv") {
            archive[at] = b'a';
        }
    }
    assert_eq!(read_one(MetricType::Bikes, archive).unwrap().tally.kept, 20);
}

#[test]
fn an_archive_of_very_many_files_is_refused() {
    let names: Vec<String> = (0..10_001).map(|number| format!("{number}.txt")).collect();
    let members: Vec<(&str, &[u8])> = names.iter().map(|name| (name.as_str(), &b""[..])).collect();
    let error = error_of(zip(&members));
    assert_eq!(
        error,
        "file: this archive holds 10001 files, more than the 10000 that are read; unpack it first"
    );
}

#[test]
fn little_archives_of_much_json_are_refused() {
    let letters = gzip(format!("[\"{}\"]", "a".repeat(16 << 20)).as_bytes());
    for kind in [MetricType::Weather, MetricType::Transit, MetricType::Bikes] {
        let error = read_one(kind, letters.clone()).unwrap_err().to_string();
        assert!(error.starts_with("file: this archive holds more than 500 times its own size"), "{error}");
    }
    let zeros = format!("[{}0]", "0,".repeat(8 << 20));
    for kind in [MetricType::Weather, MetricType::Transit, MetricType::Bikes] {
        let error = read_one(kind, zeros.clone()).unwrap_err().to_string();
        assert!(error.starts_with("file: this JSON would take more than"), "{error}");
    }
}
