//! Chords, presets and the user's own keys.

use super::scenes::Scene;
use super::{Context, KeyOverride, Keymap, Preset, Settings, Token};

fn own(context: &str, action: &str, chords: &[&str]) -> KeyOverride {
    KeyOverride {
        context: context.to_owned(),
        action: action.to_owned(),
        chords: chords.iter().map(|c| (*c).to_owned()).collect(),
    }
}

fn problems(overrides: &[KeyOverride]) -> String {
    let problems = Keymap::new(Preset::Vim, overrides).unwrap_err();
    let all: Vec<String> = problems.iter().map(ToString::to_string).collect();
    all.join("\n")
}

fn shown(keymap: &Keymap, id: &str) -> String {
    keymap.shown(id, Context::List).to_string()
}

#[test]
fn a_user_s_key_replaces_the_default_and_the_fixed_keys_stay() {
    let keys = [
        own("list", "next", &["B"]),
        own("all", "help", &["H", "g h"]),
    ];
    let keymap = Keymap::new(Preset::Vim, &keys[..1]).unwrap();
    assert_eq!(shown(&keymap, "next"), "B  Down");
    // In the reader `H` is a default of another action, which gives way.
    let keymap = Keymap::new(Preset::Vim, &keys).unwrap();
    assert_eq!(keymap.shown("headers", Context::Reader).as_str(), "");
    assert!(keymap.shown("help", Context::Reader).as_str().contains('H'));
}

#[test]
fn a_clash_names_both_actions_and_the_place() {
    let text = problems(&[own("list", "star", &["t"]), own("list", "tag", &["t"])]);
    assert_eq!(
        text,
        "keys.list: t is tag, and t is star; give one of them another key"
    );
    let shadow = problems(&[own("list", "star", &["g"])]);
    assert!(
        shadow.contains("g is star, and g! is go-to-junk"),
        "{shadow}"
    );
    let moved = [own("list", "star", &["t"]), own("list", "tag", &["B"])];
    assert!(Keymap::new(Preset::Vim, &moved).is_ok());
}

#[test]
fn wrong_names_are_explained() {
    assert!(problems(&[own("inbox", "star", &["B"])]).contains("list, reader, sidebar and all"));
    assert!(problems(&[own("list", "sterne", &["B"])]).contains("sterne"));
    assert!(problems(&[own("sidebar", "star", &["B"])]).contains("cannot be done there"));
    assert!(problems(&[own("list", "star", &["hyper-b"])]).contains("is not a key"));
}

#[test]
fn with_wrong_keys_the_defaults_work_and_the_screen_says_so() {
    let settings = Settings {
        key_overrides: vec![own("list", "star", &["g"])],
        ..Settings::default()
    };
    let accounts = vec![super::scenes::account(1, "work")];
    let mut scene = Scene::with(80, 24, settings, accounts, super::scenes::mail());
    assert!(scene.notice().contains("g is star"), "{}", scene.notice());
    scene.press("j");
    assert_eq!(scene.app.list.cursor(), 1);
}

#[test]
fn each_preset_moves_as_its_users_do() {
    for (preset, keys, row) in [
        (Preset::Vim, "j j k", 1),
        (Preset::Mutt, "* =  j", 1),
        (Preset::Gmail, "j j k", 1),
        (Preset::Alpine, "n n p", 1),
    ] {
        let settings = Settings {
            preset,
            ..Settings::default()
        };
        let accounts = vec![super::scenes::account(1, "work")];
        let mut scene = Scene::with(80, 24, settings, accounts, super::scenes::mail());
        scene.press(keys);
        assert_eq!(scene.app.list.cursor(), row, "{}", preset.name());
    }
}

#[test]
fn a_count_repeats_a_motion_and_esc_forgets_it() {
    let mut scene = Scene::new(80, 24);
    scene.press("1 0 j");
    assert_eq!(scene.app.list.cursor(), 10);
    scene.press("5 esc j");
    assert_eq!(scene.app.list.cursor(), 11);
    scene.press("3 G");
    assert_eq!(scene.app.list.cursor(), 2);
}

#[test]
fn waiting_keys_show_what_may_follow_after_a_moment() {
    let mut scene = Scene::new(80, 24);
    scene.press("g");
    assert!(!scene.app.has_which_key);
    scene.time_out(|t| matches!(t, Token::WhichKey(_)));
    assert!(scene.app.has_which_key);
    let keys = scene
        .app
        .keymap
        .following(Context::List, &scene.app.pending);
    assert!(
        keys.iter()
            .any(|(k, a)| k.as_str() == "i" && a.id == "go-to-inbox")
    );
    scene.press("esc");
    assert!(!scene.app.has_which_key && scene.app.pending.is_empty());
    scene.press("g g");
    assert_eq!(scene.app.list.cursor(), 0);
}

#[test]
fn an_unknown_key_says_where_the_keys_are() {
    let mut scene = Scene::new(80, 24);
    scene.press("g B");
    assert_eq!(
        scene.notice(),
        "gB does nothing here; ? shows the keys that do"
    );
}

#[test]
fn what_fingers_know_of_filing_and_writing_does_the_same_in_each_preset() {
    use Context::{List, Reader, Sidebar};
    for (preset, context, key, id) in [
        (Preset::Vim, List, "d", "trash"),
        (Preset::Vim, Sidebar, "d", "delete-folder"),
        (Preset::Vim, Reader, "F n", "new-folder"),
        (Preset::Mutt, List, "s", "move"),
        (Preset::Mutt, List, "F", "star"),
        (Preset::Mutt, Sidebar, "C", "new-folder"),
        (Preset::Gmail, List, "e", "archive"),
        (Preset::Gmail, Reader, "#", "trash"),
        (Preset::Gmail, List, "v", "move"),
        (Preset::Alpine, List, "D", "trash"),
        (Preset::Alpine, List, "X", "delete"),
        (Preset::Alpine, Reader, "S", "move"),
        (Preset::Alpine, Sidebar, "A", "new-folder"),
        (Preset::Alpine, Sidebar, "n", "next"),
        (Preset::Vim, List, "c", "compose"),
        (Preset::Mutt, Reader, "m", "compose"),
        (Preset::Mutt, List, "r", "reply"),
        (Preset::Gmail, Reader, "a", "reply-all"),
        (Preset::Alpine, List, "C", "compose"),
        (Preset::Alpine, Reader, "R", "reply"),
    ] {
        let keymap = Keymap::new(preset, &[]).unwrap();
        let chord = super::Chord::parse(&key.replace(' ', "")).unwrap();
        let (index, _) = super::find(id).unwrap();
        let found = keymap.lookup(context, chord.keys());
        let wanted = super::Lookup::Action(index);
        assert_eq!(found, wanted, "{key} in {}", preset.name());
    }
}
