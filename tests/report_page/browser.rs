//! The page in a real browser without network: light, dark, on a phone and in print.

use super::{SECTIONS, comparison, page};
use std::fs;
use std::path::Path;
use std::process::Command;

/// Runs Chromium on `html` and returns its output. Panics if the page writes to the console.
fn chromium(folder: &Path, html: &str, size: [u32; 2], flags: &[&str]) -> String {
    let program = std::env::var("CHROMIUM").unwrap_or_else(|_| "chromium".into());
    let file = folder.join("page.html");
    fs::write(&file, html).unwrap();
    let output = Command::new(&program)
        .args([
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--hide-scrollbars",
            "--virtual-time-budget=2000",
        ])
        .args(["--enable-logging=stderr", "--v=0", "--host-resolver-rules=MAP * ~NOTFOUND"])
        .arg(format!("--user-data-dir={}", folder.join("profile").display()))
        .arg(format!("--window-size={},{}", size[0], size[1]))
        .args(flags)
        .arg(format!("file://{}", file.display()))
        .output()
        .unwrap_or_else(|e| panic!("cannot start `{program}`: {e}; set CHROMIUM to the path of Chromium"));
    let log = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{log}");
    assert!(!log.contains("CONSOLE"), "the page is not silent: {log}");
    String::from_utf8(output.stdout).unwrap()
}

const DARK: &str = "--blink-settings=preferredColorScheme=0";
const LIGHT: &str = "--blink-settings=preferredColorScheme=1";

/// The value of a JavaScript expression on the page. The page's policy forbids scripts, so it runs on a copy
/// without the policy.
fn measured(folder: &Path, html: &str, width: u32, scheme: &str, expression: &str) -> String {
    let from = html.find("<meta http-equiv").unwrap();
    let to = from + html[from..].find('>').unwrap() + 1;
    let script = format!("<script>document.title = String({expression})</script></body>");
    let copy = format!("{}{}", &html[..from], &html[to..]).replace("</body>", &script);
    let dom = chromium(folder, &copy, [width, 900], &[scheme, "--dump-dom"]);
    let title = dom.split("<title>").nth(1).unwrap();
    title.split("</title>").next().unwrap().to_string()
}

#[test]
#[ignore = "needs Chromium; tools/test brings it"]
fn a_browser_shows_the_page() {
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let folder = folder.path();
    for name in ["honest", "leaky"] {
        let html = page(name);
        let dom = chromium(folder, &html, [1200, 900], &[LIGHT, "--dump-dom"]);
        for section in SECTIONS {
            assert!(dom.contains(&format!("id=\"{section}\"")), "{name} has no section {section}");
        }
        for (what, size, scheme) in
            [("light", [1200, 3600], LIGHT), ("dark", [1200, 3600], DARK), ("phone", [400, 5000], LIGHT)]
        {
            let image = folder.join(format!("{name}-{what}.png"));
            chromium(folder, &html, size, &[scheme, &format!("--screenshot={}", image.display())]);
            let bytes = fs::read(&image).unwrap();
            assert!(bytes.starts_with(b"\x89PNG") && bytes.len() > 20_000, "{what}: {} bytes", bytes.len());
        }
        let pdf = folder.join("page.pdf");
        chromium(folder, &html, [1200, 900], &[&format!("--print-to-pdf={}", pdf.display())]);
        assert!(fs::read(&pdf).unwrap().starts_with(b"%PDF"));
    }
}

#[test]
#[ignore = "needs Chromium; tools/test brings it"]
fn a_page_fits_a_phone_and_follows_the_color_scheme() {
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let measure = |name: &str, width, scheme, what| measured(folder.path(), &page(name), width, scheme, what);
    for name in ["honest", "leaky"] {
        // Chromium's headless shell allows any width, but the full browser at least 500.
        let fits = "document.documentElement.scrollWidth <= innerWidth && innerWidth <= 500";
        assert_eq!(measure(name, 400, LIGHT, fits), "true", "{name} scrolls sideways");
    }
    let paper = "getComputedStyle(document.body).backgroundColor";
    assert_eq!(measure("honest", 1200, LIGHT, paper), "rgb(255, 255, 255)");
    assert_eq!(measure("honest", 1200, DARK, paper), "rgb(20, 23, 27)");
}

#[test]
#[ignore = "needs Chromium; tools/test brings it"]
fn a_browser_shows_the_comparison_with_the_study() {
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let html = comparison().page("data = \"demo\"");
    let dom = chromium(folder.path(), &html, [1200, 900], &[LIGHT, "--dump-dom"]);
    for part in ["study-gru-new-people/report.html", "study-lstm: accuracy under each protocol", ".730"] {
        assert!(dom.contains(part), "no {part}");
    }
    let fits = "document.documentElement.scrollWidth <= innerWidth && innerWidth <= 500";
    assert_eq!(measured(folder.path(), &html, 400, LIGHT, fits), "true", "it scrolls sideways");
}
