//! The report in a real browser: it renders without errors, in the light and the dark colour scheme,
//! and hostile text in it stays text.
//!
//! Needs Chromium (Debian: `apt-get install chromium`) on the PATH or named by `CHROMIUM`, else the
//! test is skipped (see `support::prerequisites`). The pictures stay in Cargo's temporary folder.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use crate::support::{PATIENCE, Reply, Run, Server, prerequisites, table};

/// Texts that set the document's title if they run as markup.
const HOSTILE: [&str; 5] = [
    "<script>document.title='TOMADA'</script>",
    "</style><script>document.title='TOMADA'</script>",
    "<img src=x onerror=document.title='TOMADA'>",
    "'><svg onload=document.title='TOMADA'>",
    "</bdi></td></table><body onload=document.title='TOMADA'>",
];

/// Writes layout faults into the title of the surrounding page: a page that is too wide, labels that
/// overlap, names that break letter by letter.
const MEASURE: &str = "<script>
const faults = [];
for (const list of document.querySelectorAll('details')) list.open = true;
for (const name of document.querySelectorAll('.who > bdi')) {
  const lines = Math.ceil(name.textContent.length / 20);
  if (name.getBoundingClientRect().height > 24 * (lines + 1)) faults.push('a name breaks by letters');
}
if (document.documentElement.scrollWidth > innerWidth) faults.push('the page is too wide');
const charts = document.querySelectorAll('.plot');
for (const list of document.querySelectorAll('.plot ul')) {
  const labels = [...list.children].map(it => it.getBoundingClientRect()).filter(it => it.width);
  if (!labels.length) faults.push('an axis without labels');
  labels.slice(1).forEach((it, i) => {
    const apart = it.left >= labels[i].right || it.bottom <= labels[i].top;
    if (!apart || it.height < 12) faults.push('labels overlap or are too small');
  });
}
parent.document.title = `${innerWidth} ${charts.length} ${faults.join('; ')}`;
</script></body>";

fn chromium() -> Option<PathBuf> {
    let named = std::env::var_os("CHROMIUM").map(PathBuf::from);
    named
        .or_else(|| prerequisites::find_program(&["chromium", "chromium-browser", "google-chrome"]))
}

/// The document after loading, and the browser's console.
struct LoadedPage {
    dom: String,
    console: Vec<String>,
}

struct Browser {
    program: PathBuf,
    folder: PathBuf,
}

impl Browser {
    fn run(&self, page: &Path, args: &[String]) -> (String, String) {
        let profile = tempfile::tempdir().unwrap();
        let [out, err] = ["out", "err"].map(|name| profile.path().join(name));
        let file = |path| Stdio::from(std::fs::File::create(path).unwrap());
        // Some systems let no sandbox be set up inside a container; the page is our own.
        let mut child = Command::new(&self.program)
            .args(["--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars"])
            .args(["--enable-logging=stderr", "--disable-dev-shm-usage"])
            .arg(format!("--user-data-dir={}", profile.path().join("perfil").display()))
            .args(args)
            .arg(format!("file://{}", page.display()))
            .stdin(Stdio::null())
            .stdout(file(&out))
            .stderr(file(&err))
            .spawn()
            .unwrap();
        let begun = Instant::now();
        while child.try_wait().unwrap().is_none() {
            if begun.elapsed() > PATIENCE {
                child.kill().unwrap();
                child.wait().unwrap();
                panic!("the browser did not end");
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        let text =
            |path: &Path| String::from_utf8_lossy(&std::fs::read(path).unwrap()).into_owned();
        (text(&out), text(&err))
    }

    fn load(&self, page: &Path) -> LoadedPage {
        let (dom, log) = self.run(page, &["--dump-dom".to_owned()]);
        assert!(dom.contains("</html>"), "the page was not loaded:\n{log}");
        let console = log.lines().filter(|line| line.contains("CONSOLE")).map(ToOwned::to_owned);
        LoadedPage { dom, console: console.collect() }
    }

    fn picture(&self, page: &Path, name: &str, size: &str, dark: bool) -> Vec<u8> {
        let path = self.folder.join(name);
        let scheme = if dark { 0 } else { 1 };
        let args = [
            format!("--screenshot={}", path.display()),
            format!("--window-size={size}"),
            format!("--blink-settings=preferredColorScheme={scheme}"),
        ];
        let (_, log) = self.run(page, &args);
        std::fs::read(&path).unwrap_or_else(|why| panic!("no picture ({why}):\n{log}"))
    }
}

#[test]
fn the_report_in_a_browser() {
    let program = chromium();
    prerequisites::met(program.is_some(), "chromium", "the_report_in_a_browser");
    let Some(program) = program else { return };
    let server = Server::start();
    for (index, text) in HOSTILE.iter().enumerate() {
        let json = serde_json::json!({ "erro": true, "mensagem": text }).to_string();
        server.reply(&format!("C{:05}", index + 2), Reply::json(200, &json));
    }
    server.reply("C00010", Reply::too_many(None));
    let mut csv = table::customers(60);
    let email = "maria.aparecida.nascimento@construtora-horizonte-azul.com.br";
    csv.push_str(&table::line([email, "E", "x".repeat(300).as_str()], ','));
    for text in HOSTILE {
        csv.push_str(&table::line([text, "I", "x".repeat(300).as_str()], ','));
    }
    let run = Run::new(&server).csv(&csv).args(["--report", "r.html"]).go();
    let page = run.work().join("r.html");
    let html = run.text("r.html");
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("relatorio");
    std::fs::create_dir_all(&folder).unwrap();
    let browser = Browser { program, folder };

    let loaded = browser.load(&page);
    assert_eq!(loaded.console, Vec::<String>::new(), "the console has errors");
    assert!(loaded.dom.contains("<title>Relatório de clientes.csv</title>"), "{}", loaded.dom);
    assert_eq!(loaded.dom.matches("TOMADA").count(), html.matches("TOMADA").count());
    for tag in ["<script", "<img", "onload=document", "onerror=document"] {
        let tags = loaded.dom.matches(tag).count();
        assert_eq!(tags, html.matches(tag).count(), "{tag}");
    }
    assert!(!loaded.dom.contains("<script") && !loaded.dom.contains("<img"));

    // Without the policy, escaping alone prevents execution.
    let policy = html.lines().find(|line| line.contains("Content-Security-Policy")).unwrap();
    let bare = run.work().join("sem-politica.html");
    std::fs::write(&bare, html.replace(policy, "")).unwrap();
    let loaded = browser.load(&bare);
    assert!(loaded.dom.contains("<title>Relatório de clientes.csv</title>"));
    assert_eq!(loaded.console, Vec::<String>::new());
    // Without escaping, the policy alone prevents execution and the console reports it.
    let open = run.work().join("sem-escape.html");
    std::fs::write(&open, html.replace("</main>", &format!("{}</main>", HOSTILE.concat())))
        .unwrap();
    let loaded = browser.load(&open);
    assert!(loaded.dom.contains("<title>Relatório de clientes.csv</title>"));
    assert!(!loaded.console.is_empty(), "the console output is missing");

    // The charts are readable on a wide screen and on a phone. Chromium's windows have a minimum
    // width, so the page is loaded in a frame.
    let measured = html.replace(policy, "").replace("</body>", MEASURE);
    let measured = measured.replace('&', "&amp;").replace('"', "&quot;");
    for width in [1280, 390] {
        let frame =
            format!("<title></title><iframe style='width:{width}px' srcdoc=\"{measured}\">");
        let path = run.work().join("medida.html");
        std::fs::write(&path, frame).unwrap();
        let dom = browser.load(&path).dom;
        assert!(dom.contains(&format!("<title>{width} 3 </title>")), "{width}: {dom:.200}");
    }
    browser.picture(&page, "telefone.png", "390,4000", false);

    let light = browser.picture(&page, "claro.png", "1200,2400", false);
    let dark = browser.picture(&page, "escuro.png", "1200,2400", true);
    assert!(light.starts_with(b"\x89PNG") && light.len() > 20_000, "{} bytes", light.len());
    assert!(dark.len() > 20_000 && dark != light, "both schemes look the same");
}
