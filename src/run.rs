//! The loop of the terminal front: inputs to `app::update`, effects out, frames to the terminal.
//!
//! Called by `cli`. The loop must never wait for the engine: commands are only ever tried, and a
//! frame is drawn at once for a key, at most sixty times a second for news.

mod keys;
mod terminal;

use crate::app::{App, Effect, Input, Settings, Token, update};
use crate::bus::{Command, Event};
use crate::engine::{Engine, Setup, clock};
use crate::ui;
use base64::Engine as _;
use crossterm::event::EventStream;
use futures_util::StreamExt as _;
use std::time::Duration;
use terminal::Screen;
use tokio::sync::mpsc::error::TrySendError;
use tokio::task::JoinSet;
use tokio::time::Instant;

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
    /// Asks the user's program to open an address.
    pub open_url: fn(&str) -> std::io::Result<()>,
}

/// Runs the terminal front until the user quits.
///
/// # Errors
/// When the terminal or the store cannot be used.
pub async fn run(front: Front) -> anyhow::Result<()> {
    restore_on_panic();
    let engine = Engine::start(front.setup)?;
    let screen = Screen::take(front.has_mouse)?;
    let mut front_loop = Loop {
        app: App::new(front.settings),
        screen,
        engine,
        timers: JoinSet::new(),
        begun: clock::monotonic(),
        is_running: true,
        is_dirty: true,
        drawn: Instant::now(),
        open_url: front.open_url,
    };
    let outcome = front_loop.run().await;
    let Loop { screen, engine, .. } = front_loop;
    // The terminal is the user's again before the last connections are closed.
    drop(screen);
    let _stopped = engine.commands.try_send(Command::Quit);
    engine.join().await;
    outcome
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
    engine: Engine,
    timers: JoinSet<Token>,
    begun: std::time::Instant,
    is_running: bool,
    is_dirty: bool,
    drawn: Instant,
    open_url: fn(&str) -> std::io::Result<()>,
}

impl Loop {
    async fn run(&mut self) -> anyhow::Result<()> {
        let mut keyboard = EventStream::new();
        let mut ends = Ends::new()?;
        let (cols, rows) = Screen::size();
        self.tick()?;
        self.feed(Input::Resize { cols, rows })?;
        for effect in self.app.start() {
            self.perform(effect)?;
        }
        self.draw()?;
        while self.is_running {
            let (frame_at, tick_in) = (self.drawn + FRAME, self.tick_in());
            tokio::select! {
                biased;
                event = keyboard.next() => match event {
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
                () = tokio::time::sleep_until(frame_at), if self.is_dirty => self.draw()?,
                () = tokio::time::sleep(tick_in) => {
                    self.tick()?;
                    self.is_dirty = true;
                }
                () = ends.wait() => self.is_running = false,
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
        if let Some(input) = keys::input(event) {
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
                }
            }
            Effect::Copy(text) => self.copy(&text)?,
            Effect::Bell => self.screen.write(b"\x07")?,
            Effect::After { ms, token } => {
                self.timers.spawn(async move {
                    tokio::time::sleep(Duration::from_millis(ms)).await;
                    token
                });
            }
            Effect::Redraw => self.screen.clear()?,
            Effect::Suspend => {
                self.screen.suspend()?;
                self.feed(Input::Resumed)?;
            }
            Effect::Quit => self.is_running = false,
        }
        Ok(())
    }

    /// OSC 52: works over ssh too. Encoded, so no byte of the text can steer the terminal.
    fn copy(&mut self, text: &str) -> anyhow::Result<()> {
        let encoded = base64::engine::general_purpose::STANDARD.encode(text);
        if encoded.len() <= COPY_MAX {
            self.screen
                .write(format!("\x1b]52;c;{encoded}\x07").as_bytes())?;
        }
        Ok(())
    }

    fn draw(&mut self) -> anyhow::Result<()> {
        let app = &self.app;
        let theme = ui::Theme::of(app);
        self.screen.draw(|frame| ui::draw(app, &theme, frame))?;
        self.is_dirty = false;
        self.drawn = Instant::now();
        Ok(())
    }
}

/// Whether somebody waits for this event.
const fn is_reply(event: &Event) -> bool {
    matches!(
        event,
        Event::Window { .. }
            | Event::Message { .. }
            | Event::Source { .. }
            | Event::Applied { .. }
            | Event::Activity { .. }
            | Event::Unavailable { .. }
    )
}

/// The signals that end the program as if the user had quit.
struct Ends {
    #[cfg(unix)]
    term: tokio::signal::unix::Signal,
    #[cfg(unix)]
    hup: tokio::signal::unix::Signal,
}

impl Ends {
    #[cfg(unix)]
    fn new() -> std::io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        Ok(Self {
            term: signal(SignalKind::terminate())?,
            hup: signal(SignalKind::hangup())?,
        })
    }

    #[cfg(not(unix))]
    fn new() -> std::io::Result<Self> {
        Ok(Self {})
    }

    #[cfg(unix)]
    async fn wait(&mut self) {
        tokio::select! {
            _ = self.term.recv() => {}
            _ = self.hup.recv() => {}
        }
    }

    #[cfg(not(unix))]
    async fn wait(&mut self) {
        std::future::pending::<()>().await;
    }
}
