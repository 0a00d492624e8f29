//! The loop of the terminal front: inputs to `app::update`, effects out, frames to the terminal.
//!
//! Called by `cli`. The loop must never wait for the engine: commands are only ever tried, and a
//! frame is drawn at once for a key, at most sixty times a second for news.

mod asking;
mod cells;
mod early;
mod editor;
mod ends;
mod farewell;
mod given;
mod keys;
mod pages;
mod painter;
mod scroller;
mod sixel;
mod terminal;

use crate::app::{App, Effect, Input, Settings, Token, update};
use crate::bus::{Command, Event};
use crate::engine::{Engine, Setup, clock};
use crate::model::{DraftKey, DraftStart, Safe};
use crate::ui;
use asking::Answers;
use base64::Engine as _;
use crossterm::event::EventStream;
use editor::Editing;
use ends::Ends;
use futures_util::{FutureExt as _, StreamExt as _};
use given::Given;
use pages::Pages;
use painter::Painter;
use std::panic::AssertUnwindSafe;
use std::path::{Path, PathBuf};
use std::time::Duration;
use terminal::Screen;
use tokio::sync::mpsc::error::TrySendError;
use tokio::task::JoinSet;
use tokio::time::Instant;

pub use asking::PictureWish;

/// The shortest time between two frames that no key asked for.
const FRAME: Duration = Duration::from_millis(16);
/// The most that goes to the clipboard: terminals drop longer OSC 52 sequences.
const COPY_MAX: usize = 74_000;
/// News handled between two looks at the keyboard.
const NEWS_MAX: usize = 64;

/// What the front is started with.
#[derive(Debug)]
pub struct Front {
    /// The engine's setup.
    pub setup: Setup,
    /// The front's settings.
    pub settings: Settings,
    /// Whether the mouse is used.
    pub has_mouse: bool,
    /// How pictures are shown.
    pub pictures: PictureWish,
    /// Whether the terminal decides between the light and the dark colours.
    pub asks_ground: bool,
    /// Asks the user's program to open an address.
    pub open_url: fn(&str) -> std::io::Result<()>,
    /// The program that opens files, with its arguments; empty: the system's.
    pub viewer: Vec<String>,
    /// The program that fills the clipboard; empty: the terminal does.
    pub clipboard: Vec<String>,
    /// The user's editor with its arguments, as `$VISUAL` or `$EDITOR` has it.
    pub editor: String,
    /// What is to be written at once.
    pub start: Option<DraftStart>,
}

/// Runs the terminal front until the user quits. Gives what is to be said after that, if anything.
///
/// # Errors
/// When the terminal or the store cannot be used.
pub async fn run(mut front: Front) -> anyhow::Result<Option<Safe>> {
    restore_on_panic();
    let data_dir = front.setup.data_dir.clone();
    editor::remove_leftovers(&data_dir);
    let engine = Engine::start(front.setup)?;
    let mut screen = Screen::take(front.has_mouse)?;
    let answers = Answers::ask(
        &mut screen,
        front.pictures,
        front.asks_ground,
        &mut front.settings,
    );
    let pictures = front.settings.pictures;
    if let Some(cell) = Screen::cell_px() {
        front.settings.cell_px = cell;
    }
    let mut front_loop = Loop {
        app: App::new(front.settings),
        screen,
        painter: Painter::new(pictures),
        engine,
        timers: JoinSet::new(),
        begun: clock::monotonic(),
        answer: answers.rest,
        is_running: true,
        is_quit: false,
        is_dirty: true,
        drawn: Instant::now(),
        open_url: front.open_url,
        viewer: front.viewer,
        clipboard: front.clipboard,
        copying: JoinSet::new(),
        given: None,
        editor: front.editor,
        data_dir,
        pages: Pages::default(),
        start: front.start,
        typed: answers.typed,
        keyboard: None,
        editing: None,
    };
    // Whatever happens to the screen: what was written is put on disk before the program ends.
    let outcome = AssertUnwindSafe(front_loop.run()).catch_unwind().await;
    let saved = AssertUnwindSafe(front_loop.last_words())
        .catch_unwind()
        .await;
    if saved.is_err() {
        tracing::error!("the draft on the screen could not be put on disk");
    }
    let left_behind = front_loop.app.left_behind();
    let Loop {
        mut screen,
        mut painter,
        engine,
        ..
    } = front_loop;
    let _gone = screen.write(&painter.farewell());
    // The terminal is the user's again before the last connections are closed.
    drop(screen);
    let _stopped = engine.commands.try_send(Command::Quit);
    engine.join().await;
    match outcome {
        Ok(outcome) => outcome.map(|()| left_behind),
        Err(panic) => std::panic::resume_unwind(panic),
    }
}

/// A panic of the loop restores the terminal before it is printed; one of a task is only logged.
fn restore_on_panic() {
    let print = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        // What guards itself against a library's panics goes on; the screen stays.
        if crate::mime::is_guarded() {
            return;
        }
        if std::thread::current().name() == Some("main") {
            terminal::leave();
            print(panic);
        } else {
            tracing::error!("{panic}");
        }
    }));
}

struct Loop {
    app: App,
    screen: Screen,
    painter: Painter,
    engine: Engine,
    timers: JoinSet<Token>,
    begun: std::time::Instant,
    /// What the terminal has still to say of itself.
    answer: early::Rest,
    is_running: bool,
    /// Whether the user quit, and not a signal or the loss of the terminal ended it.
    is_quit: bool,
    is_dirty: bool,
    drawn: Instant,
    open_url: fn(&str) -> std::io::Result<()>,
    viewer: Vec<String>,
    clipboard: Vec<String>,
    /// Texts on their way to the clipboard's program; what went wrong comes back.
    copying: JoinSet<Option<Safe>>,
    /// A program that has the terminal.
    given: Option<Given>,
    editor: String,
    data_dir: PathBuf,
    pages: Pages,
    start: Option<DraftStart>,
    /// What was typed while the terminal was asked.
    typed: Vec<Input>,
    /// What is typed; nobody's while an editor has the terminal.
    keyboard: Option<EventStream>,
    editing: Option<Editing>,
}

impl Loop {
    async fn run(&mut self) -> anyhow::Result<()> {
        let mut ends = Ends::new()?;
        let (cols, rows) = Screen::size();
        self.tick()?;
        self.feed(Input::Resize { cols, rows })?;
        self.keyboard = Some(EventStream::new());
        for effect in self.app.start() {
            self.perform(effect)?;
        }
        if let Some(start) = self.start.take() {
            for effect in self.app.write(start) {
                self.perform(effect)?;
            }
        }
        for input in std::mem::take(&mut self.typed) {
            self.feed(input)?;
        }
        self.draw()?;
        while self.is_running {
            let (frame_at, tick_in) = (self.drawn + FRAME, self.tick_in());
            tokio::select! {
                biased;
                event = typed(&mut self.keyboard) => match event {
                    Some(Ok(event)) => self.on_terminal(event)?,
                    // The terminal is gone.
                    Some(Err(_)) | None => self.is_running = false,
                },
                event = self.engine.events.recv() => match event {
                    Some(event) => self.on_engine(event)?,
                    None => self.is_running = false,
                },
                Some(Ok(token)) = self.timers.join_next() => {
                    self.tick()?;
                    self.feed(Input::Timer(token))?;
                    self.draw()?;
                }
                () = self.painter.ready() => self.is_dirty = true,
                ended = edited(&mut self.editing) => self.on_editor(ended)?,
                (program, fault) = has_run(&mut self.given) => self.on_given(program, fault)?,
                Some(Ok(Some(what))) = self.copying.join_next() => {
                    let hint = Safe::fixed("see copy_command under [ui]");
                    self.feed(Input::NotDone(what, hint))?;
                    self.draw()?;
                }
                () = tokio::time::sleep_until(frame_at), if self.is_dirty => self.draw()?,
                () = tokio::time::sleep(tick_in) => {
                    self.tick()?;
                    self.is_dirty = true;
                }
                is_interrupt = ends.wait() => {
                    // While an editor has the terminal, Ctrl-C is meant for it.
                    self.is_running = is_interrupt && self.is_given();
                }
            }
        }
        Ok(())
    }

    fn tick_in(&self) -> Duration {
        Duration::from_millis(self.app.tick_ms())
    }

    fn tick(&mut self) -> anyhow::Result<()> {
        let monotonic_ms = u64::try_from(self.begun.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.feed(Input::Tick {
            now_secs: clock::now_secs(),
            monotonic_ms,
        })
    }

    fn on_terminal(&mut self, event: crossterm::event::Event) -> anyhow::Result<()> {
        if let Some(input) =
            keys::input(event).filter(|i| !self.answer.takes(i, self.begun.elapsed()))
        {
            self.tick()?;
            self.feed(input)?;
            self.draw()?;
        }
        Ok(())
    }

    /// Takes what the engine told, and what else is there, before one frame is drawn for all of it.
    /// What the user waits for is drawn at once, news with the next frame.
    fn on_engine(&mut self, event: Event) -> anyhow::Result<()> {
        let mut is_reply = is_reply(&event);
        self.tick()?;
        self.feed(Input::Engine(event))?;
        for _ in 0..NEWS_MAX {
            let Ok(event) = self.engine.events.try_recv() else {
                break;
            };
            is_reply |= self::is_reply(&event);
            self.feed(Input::Engine(event))?;
        }
        self.is_dirty = true;
        if is_reply || self.drawn.elapsed() >= FRAME {
            self.draw()?;
        }
        Ok(())
    }

    fn feed(&mut self, input: Input) -> anyhow::Result<()> {
        for effect in update(&mut self.app, input) {
            self.perform(effect)?;
        }
        Ok(())
    }

    fn perform(&mut self, effect: Effect) -> anyhow::Result<()> {
        match effect {
            Effect::Engine(command) => match self.engine.commands.try_send(command) {
                Ok(()) | Err(TrySendError::Closed(_)) => {}
                Err(TrySendError::Full(command)) => self.feed(Input::Refused(command))?,
            },
            Effect::OpenUrl(url) => {
                if let Err(error) = (self.open_url)(&url) {
                    tracing::warn!(%error, "no program opened the address");
                    self.feed(Input::Unopened(None))?;
                }
            }
            Effect::OpenPage(page) => self.open_page(&page)?,
            // The terminal is the editor's now.
            Effect::Copy(_) | Effect::Bell | Effect::Redraw if self.is_given() => {}
            Effect::OpenFile(file) => self.open_file(&file)?,
            Effect::RunOn { argv, file } => self.run_on(&argv, &file)?,
            Effect::Copy(text) => self.copy(text)?,
            Effect::Bell => self.screen.write(b"\x07")?,
            Effect::EditText { key, text } => self.edit(key, text)?,
            Effect::After { ms, token } => {
                self.timers.spawn(async move {
                    tokio::time::sleep(Duration::from_millis(ms)).await;
                    token
                });
            }
            Effect::Redraw => {
                self.painter.forget();
                self.screen.clear()?;
            }
            Effect::Suspend => {
                self.take_pictures_down()?;
                self.screen.suspend()?;
                self.feed(Input::Resumed)?;
            }
            Effect::Quit => (self.is_running, self.is_quit) = (false, true),
        }
        Ok(())
    }

    /// What the terminal holds of pictures would lie over what another program writes.
    fn take_pictures_down(&mut self) -> anyhow::Result<()> {
        let words = self.painter.farewell();
        self.painter.forget();
        Ok(self.screen.write(&words)?)
    }

    fn open_page(&mut self, page: &str) -> anyhow::Result<()> {
        let written = self.pages.write(&self.data_dir, page);
        let file = written
            .as_ref()
            .map(|f| f.to_string_lossy().into_owned())
            .ok();
        let opened = written.and_then(|file| (self.open_url)(&file.to_string_lossy()));
        if let Err(error) = opened {
            tracing::warn!(%error, "no program opened the page");
            let file = file.as_deref().map(Safe::line);
            self.feed(Input::Unopened(file))?;
        }
        Ok(())
    }

    /// Gives the terminal to the user's editor.
    fn edit(&mut self, key: DraftKey, text: String) -> anyhow::Result<()> {
        // What reads the keyboard must be gone before another program reads it.
        self.keyboard = None;
        self.take_pictures_down()?;
        self.screen.give();
        match Editing::start(&self.editor, &self.data_dir, key, text) {
            Ok(editing) => {
                self.editing = Some(editing);
                Ok(())
            }
            Err(why) => self.take_back(key, Err(why)),
        }
    }

    /// The editor has ended, or has perhaps saved.
    fn on_editor(
        &mut self,
        ended: Option<std::io::Result<std::process::ExitStatus>>,
    ) -> anyhow::Result<()> {
        let Some(editing) = &mut self.editing else {
            return Ok(());
        };
        let key = editing.key();
        let Some(ended) = ended else {
            return match editing.saved() {
                Some(text) => self.feed(Input::Edited {
                    key,
                    outcome: Ok(text),
                }),
                None => Ok(()),
            };
        };
        let outcome = editing.outcome(ended);
        self.editing = None;
        self.take_back(key, outcome)
    }

    /// Whether another program has the terminal.
    const fn is_given(&self) -> bool {
        self.editing.is_some() || self.given.is_some()
    }

    fn open_file(&mut self, file: &Path) -> anyhow::Result<()> {
        if let Err(error) = given::open(&self.viewer, file) {
            tracing::warn!(%error, "no program opened a file");
            let what = match self.viewer.first() {
                Some(program) => Safe::line(&format!("{program} cannot be started")),
                None => Safe::fixed("No program is known that opens it"),
            };
            let hint = Safe::fixed("set open_command under [ui], or save it with s");
            self.feed(Input::NotDone(what, hint))?;
        }
        Ok(())
    }

    /// Gives the terminal to a program of the user's.
    fn run_on(&mut self, argv: &[String], file: &Path) -> anyhow::Result<()> {
        if self.is_given() {
            return Ok(());
        }
        self.keyboard = None;
        self.take_pictures_down()?;
        self.screen.give();
        match Given::start(argv, file) {
            Ok(given) => {
                self.given = Some(given);
                Ok(())
            }
            Err((program, fault)) => self.on_given(program, fault),
        }
    }

    fn on_given(&mut self, program: Safe, fault: Safe) -> anyhow::Result<()> {
        self.given = None;
        self.take_screen()?;
        self.feed(Input::HasRun { program, fault })?;
        self.draw()
    }

    fn take_screen(&mut self) -> anyhow::Result<()> {
        self.painter.forget();
        self.screen.take_again()?;
        self.keyboard = Some(EventStream::new());
        let (cols, rows) = Screen::size();
        self.tick()?;
        self.feed(Input::Resize { cols, rows })
    }

    fn take_back(&mut self, key: DraftKey, outcome: Result<String, Safe>) -> anyhow::Result<()> {
        self.take_screen()?;
        self.feed(Input::Edited { key, outcome })?;
        self.draw()
    }

    /// OSC 52: works over ssh too. Encoded, so no byte of the text can steer the terminal.
    fn copy(&mut self, text: String) -> anyhow::Result<()> {
        if !self.clipboard.is_empty() {
            self.copying
                .spawn(given::copy(self.clipboard.clone(), text));
            return Ok(());
        }
        let encoded = base64::engine::general_purpose::STANDARD.encode(text);
        if encoded.len() <= COPY_MAX {
            self.screen
                .write(format!("\x1b]52;c;{encoded}\x07").as_bytes())?;
        }
        Ok(())
    }

    fn draw(&mut self) -> anyhow::Result<()> {
        if self.is_given() {
            self.is_dirty = false;
            return Ok(());
        }
        let app = &self.app;
        let theme = ui::Theme::of(app);
        let spots = ui::spots(app);
        let before = self.painter.before(&spots, |id| app.has_picture(id));
        let after = self.painter.after(&spots);
        self.screen.set_scrolls(self.app.is_linear());
        self.screen
            .draw(&before, |frame| ui::draw(app, &theme, frame), &after)?;
        self.is_dirty = false;
        self.drawn = Instant::now();
        Ok(())
    }
}

/// What is typed next; nothing, while the keyboard is somebody else's.
async fn typed(
    keyboard: &mut Option<EventStream>,
) -> Option<std::io::Result<crossterm::event::Event>> {
    match keyboard {
        Some(keyboard) => keyboard.next().await,
        None => std::future::pending().await,
    }
}

/// That the editor ended or may have saved; nothing, while there is none.
async fn edited(
    editing: &mut Option<Editing>,
) -> Option<std::io::Result<std::process::ExitStatus>> {
    match editing {
        Some(editing) => editing.wait().await,
        None => std::future::pending().await,
    }
}

/// How a program ended that had the terminal; nothing, while there is none.
async fn has_run(given: &mut Option<Given>) -> (Safe, Safe) {
    match given {
        Some(given) => given.wait().await,
        None => std::future::pending().await,
    }
}

/// Whether somebody waits for this event.
const fn is_reply(event: &Event) -> bool {
    matches!(
        event,
        Event::Window { .. }
            | Event::Message { .. }
            | Event::Picture { .. }
            | Event::Source { .. }
            | Event::Applied { .. }
            | Event::Activity { .. }
            | Event::Unavailable { .. }
            | Event::Taken(_)
            | Event::Page { .. }
            | Event::Writing(_)
    )
}
