//! THE TABLE: one row per action. Dispatch, hints, which-key, help, palette and docs follow it.
//!
//! To add an action: a row here, and its function in the file of its group. The order is that of
//! the help, and of the hints. A chord must never be the beginning of another in the same context.

use super::Group::{Change, Folders, Move, Program, Read, Select, Sync, Tree, View, Write};
use super::{
    ALL, Action, Availability, Count, Group, LIST, MAIL, READER, ROWS, SIDEBAR, cards, change,
    copy, filing, find, folders, motion, page, pictures, program, read, select, take, tree, view,
    write,
};
use crate::app::{App, Effect};

type Available = fn(&App) -> Availability;
type Run = fn(&mut App, Count) -> Vec<Effect>;

#[expect(clippy::too_many_arguments, reason = "the columns of the table")]
const fn row(
    id: &'static str,
    title: &'static str,
    hint: (u8, &'static str),
    group: Group,
    contexts: u8,
    keys: &'static [&'static str],
    available: Available,
    run: Run,
    words: &'static str,
) -> Action {
    Action {
        id,
        title,
        hint,
        group,
        contexts,
        keys,
        available,
        run,
        words,
        hinted: ALL,
        now: None,
    }
}

/// Not in the line of keys.
const NO: (u8, &str) = (0, "");

const fn always(_: &App) -> Availability {
    Availability::Yes
}

use change::{can_change, can_mark, can_read, can_repeat};
use filing::{can_archive, can_move_again, can_take, can_trash};
use read::{has_attachments, has_link, has_links, has_quotes, has_text};

#[rustfmt::skip]
pub(super) const TABLE: &[Action] = &[
    // id, title, hint, group, contexts, keys, available, run, further words
    row("next", "Go to the next row", NO, Move, ROWS, &["j", "down"], always, motion::next, "down forward"),
    row("previous", "Go to the previous row", NO, Move, ROWS, &["k", "up"], always, motion::previous, "up back"),
    row("next-message", "Read the next message", (1, "next"), Move, READER, &["j"], always, motion::next, "down forward"),
    row("previous-message", "Read the previous message", NO, Move, READER, &["k"], always, motion::previous, "up back"),
    row("scroll-down", "Scroll down a line", NO, Move, READER, &["down", "ctrl-e"], always, motion::scroll_down, ""),
    row("scroll-up", "Scroll up a line", NO, Move, READER, &["up", "ctrl-y"], always, motion::scroll_up, ""),
    row("read-on", "Read on, a page at a time", (1, "page"), Move, READER, &["space"], always, motion::page_down, "scroll down"),
    row("page-down", "Go down a page", NO, Move, ALL, &["ctrl-f", "pgdn"], always, motion::page_down, "scroll"),
    row("page-up", "Go up a page", NO, Move, ALL, &["ctrl-b", "pgup", "backspace@reader"], always, motion::page_up, "scroll"),
    row("half-page-down", "Go down half a page", NO, Move, ALL, &["ctrl-d"], always, motion::half_page_down, "scroll"),
    row("half-page-up", "Go up half a page", NO, Move, ALL, &["ctrl-u"], always, motion::half_page_up, "scroll"),
    row("first", "Go to the top", NO, Move, ALL, &["gg", "home"], always, motion::first, "first start begin newest"),
    row("last", "Go to the end", NO, Move, ALL, &["G", "end"], always, motion::last, "last bottom oldest"),
    row("next-unread", "Go to the next unread message", (14, "next unread"), Move, MAIL, &["]"], always, motion::next_unread, "new"),
    row("previous-unread", "Go to the previous unread message", NO, Move, MAIL, &["["], always, motion::previous_unread, "new"),
    row("next-thread", "Go to the next thread", NO, Move, MAIL, &["}"], always, motion::next_thread, "conversation"),
    row("previous-thread", "Go to the previous thread", NO, Move, MAIL, &["{"], always, motion::previous_thread, "conversation"),
    row("next-pane", "Move to the next pane", NO, Move, ALL, &["tab"], always, motion::next_pane, "focus switch"),
    row("previous-pane", "Move to the previous pane", NO, Move, ALL, &["shift-tab"], always, motion::previous_pane, "focus switch"),
    row("back", "Go one step back", (2, "back"), Move, ALL, &["esc", "h@list", "h@reader", "left@list", "left@reader"], motion::can_go_back, motion::back, "cancel close return escape"),

    row("open", "Read the message", (1, "read"), Read, LIST, &["enter", "l", "right"], change::has_row, read::open, "open view").now(write::open_title),
    row("open-folder", "Open the folder", (1, "open"), Folders, SIDEBAR, &["enter", "l", "right"], always, folders::open, "enter"),
    row("fold-folder", "Fold or unfold the folder", (2, "fold"), Folders, SIDEBAR, &["space", "za", "h", "left"], always, folders::fold, "collapse expand tree"),
    row("next-folder", "Open the next folder", NO, Folders, ALL, &["J"], always, folders::next, "mailbox"),
    row("previous-folder", "Open the previous folder", NO, Folders, ALL, &["K"], always, folders::previous, "mailbox"),
    row("go-to-folder", "Go to a folder by name", (11, "folder"), Folders, ALL, &["gf"], folders::has_folders, folders::pick, "fuzzy jump change open mailbox"),
    row("go-to-inbox", "Go to the inbox", NO, Folders, ALL, &["gi"], always, folders::inbox, "open"),
    row("go-to-starred", "Go to starred messages", NO, Folders, ALL, &["gs"], always, folders::starred, "flagged important"),
    row("go-to-sent", "Go to Sent", NO, Folders, ALL, &["gt"], always, folders::sent, "outgoing"),
    row("go-to-drafts", "Go to Drafts", NO, Folders, ALL, &["gd"], always, folders::drafts, "unfinished"),
    row("go-to-archive", "Go to Archive", NO, Folders, ALL, &["ga"], always, folders::archive, "all mail"),
    row("go-to-junk", "Go to Junk", NO, Folders, ALL, &["g!"], always, folders::junk, "spam"),
    row("go-to-trash", "Go to Trash", NO, Folders, ALL, &["g#"], always, folders::trash, "deleted bin"),
    row("go-to-all-inboxes", "Go to all inboxes together", NO, Folders, ALL, &["gu"], always, folders::unified, "unified combined"),
    row("choose-account", "Go to an account", NO, Folders, ALL, &["@"], folders::has_folders, folders::pick_account, "switch"),

    row("compose", "Write a message", (2, "write"), Write, ALL, &["c"], program::has_account, write::compose, "new mail compose send").hinted(MAIL),
    row("reply", "Answer the sender", (2, "reply"), Write, MAIL, &["r"], write::can_answer, write::reply, "respond"),
    row("reply-all", "Answer everybody", (7, "reply all"), Write, MAIL, &["R"], write::can_answer, write::reply_all, "respond group"),
    row("reply-list", "Answer the list", NO, Write, MAIL, &["L"], write::can_answer, write::reply_list, "respond mailing group"),
    row("forward", "Forward within the text", (8, "forward"), Write, MAIL, &["f"], write::can_answer, write::forward, "pass on send inline"),
    row("forward-attached", "Forward as an attachment", NO, Write, MAIL, &["zf"], write::can_answer, write::forward_attached, "pass on send whole"),
    row("bounce", "Pass on as it is", NO, Write, MAIL, &["b"], write::can_answer, write::bounce, "redirect resend remail"),
    row("edit", "Write anew from this message", NO, Write, MAIL, &["e"], write::can_answer, write::edit, "edit draft resume as new template").now(write::edit_title),
    row("template", "Begin with a template", NO, Write, ALL, &[], write::has_templates, write::template, "write new canned"),
    row("outbox", "Show the outbox and kept drafts", NO, Write, ALL, &["go"], always, write::outbox, "queue sending unsent failed recovered"),

    row("archive", "Move to Archive", (2, "archive"), Change, MAIL, &["a"], can_archive, filing::archive, "file done keep"),
    row("trash", "Move to Trash", (3, "delete"), Change, MAIL, &["d"], can_trash, filing::trash, "delete remove bin"),
    row("move", "Move to a folder", (4, "move"), Change, MAIL, &["m"], can_take, filing::pick_move, "file refile save"),
    row("move-again", "Move to the same folder again", NO, Change, MAIL, &["M"], can_move_again, filing::move_again, "repeat last").now(filing::move_again_title),
    row("copy-to", "Copy to a folder", NO, Change, MAIL, &["C"], can_change, filing::pick_copy, "duplicate"),
    row("junk", "Move to Junk, or back", NO, Change, MAIL, &["!"], can_take, filing::junk, "spam unwanted not ham").now(filing::junk_title),
    row("delete", "Delete for good", NO, Change, MAIL, &["D"], can_take, filing::delete, "expunge purge remove forever"),
    row("star", "Star or unstar", (5, "star"), Change, MAIL, &["s"], can_mark, change::star, "flag important favourite"),
    row("toggle-read", "Mark as unread or read", (6, "unread"), Change, MAIL, &["U"], can_read, change::toggle_read, "seen new"),
    row("mark-read", "Mark as read", NO, Change, MAIL, &[], can_read, change::mark_read, "seen"),
    row("mark-unread", "Mark as unread", NO, Change, MAIL, &[], can_read, change::mark_unread, "unseen new"),
    row("tag", "Add or remove tags", (9, "tag"), Change, MAIL, &["t"], can_mark, change::tag, "label keyword"),
    row("undo", "Undo the last change", (10, "undo"), Change, ALL, &["u"], always, change::undo, "take back revert"),
    row("redo", "Redo what was undone", NO, Change, ALL, &["ctrl-r"], always, change::redo, "again"),
    row("repeat", "Repeat the last change here", NO, Change, MAIL, &["."], can_repeat, change::repeat, "again"),

    row("select", "Select or deselect and move on", (8, "select"), Select, LIST, &["x", "space"], change::has_row, select::select, "mark tick"),
    row("select-range", "Select a range of rows", NO, Select, LIST, &["v"], change::has_row, select::select_range, "mark visual"),
    row("select-thread", "Select the whole thread", NO, Select, LIST, &["V"], change::has_row, select::select_thread, "mark conversation"),
    row("select-matching", "Select messages that match a rule", NO, Select, LIST, &["*"], change::has_row, select::select_matching, "mark all query"),
    row("clear-selection", "Deselect everything", NO, Select, LIST, &[], always, select::clear_selection, "unmark none"),

    row("new-folder", "Make a folder", (3, "new"), Tree, ALL, &["n@sidebar", "Fn"], program::has_account, tree::new, "create mkdir add").hinted(SIDEBAR),
    row("rename-folder", "Rename the folder", (4, "rename"), Tree, ALL, &["r@sidebar", "Fr"], tree::can_rename, tree::rename, "name").hinted(SIDEBAR),
    row("move-folder", "Move the folder into another", (5, "move"), Tree, ALL, &["m@sidebar", "Fm"], tree::can_move, tree::pick_parent, "reparent").hinted(SIDEBAR),
    row("delete-folder", "Delete the folder", (6, "delete"), Tree, ALL, &["d@sidebar", "Fd"], tree::can_delete, tree::delete, "remove rmdir trash").hinted(SIDEBAR),
    row("subscribe", "Subscribe to the folder, or not", (9, "subscribe"), Tree, ALL, &["s@sidebar", "Fs"], tree::can_subscribe, tree::subscribe, "unsubscribe follow").hinted(SIDEBAR).now(tree::subscribe_title),
    row("empty-folder", "Empty the folder", (8, "empty"), Tree, ALL, &["e@sidebar", "Fe"], tree::can_empty, tree::empty, "trash junk spam purge expunge").hinted(SIDEBAR),
    row("read-folder", "Mark the whole folder as read", (7, "all read"), Tree, ALL, &["a@sidebar", "Fa"], tree::can_read_all, tree::read_all, "catchup seen").hinted(SIDEBAR),

    row("search", "Search this list", (7, "search"), View, ALL, &["/@list", "/@sidebar"], always, view::search, "find query filter"),
    row("search-everywhere", "Search all folders", NO, View, ALL, &["g/"], always, view::search_everywhere, "find query global"),
    row("filter", "Filter the list by kind", (12, "filter"), View, ALL, &["\\"], always, view::filter, "quick unread starred limit"),
    row("clear-filter", "Show all messages again", NO, View, ALL, &[], always, view::clear_filter, "unfilter reset search"),
    row("next-match", "Go to the next match", NO, View, MAIL, &["n"], always, view::next_match, "search again"),
    row("previous-match", "Go to the previous match", NO, View, MAIL, &["N"], always, view::previous_match, "search again"),
    row("sort", "Sort the list", (13, "sort"), View, LIST, &["o"], always, view::sort, "order date sender subject size"),
    row("toggle-threads", "Group messages by thread or not", NO, View, LIST, &["T"], always, view::toggle_threads, "conversation"),
    row("fold", "Fold or unfold the thread", NO, View, LIST, &["za"], view::has_threads, view::fold, "collapse expand"),
    row("fold-all", "Fold everything", NO, View, ROWS, &["zM"], always, view::fold_all, "collapse threads"),
    row("unfold-all", "Unfold everything", NO, View, ROWS, &["zR"], always, view::unfold_all, "expand threads"),
    row("center", "Show this row in the middle", NO, View, ROWS, &["zz"], always, view::center, "scroll align"),
    row("align-top", "Show this row at the top", NO, View, ROWS, &["zt"], always, view::align_top, "scroll"),
    row("align-bottom", "Show this row at the bottom", NO, View, ROWS, &["zb"], always, view::align_bottom, "scroll"),
    row("toggle-preview", "Show or hide the preview", NO, View, ALL, &["p"], always, view::toggle_preview, "reading pane split"),
    row("cycle-layout", "Change where the preview goes", NO, View, ALL, &["P"], always, view::cycle_layout, "beside below split"),
    row("toggle-sidebar", "Show or hide the folders", NO, View, ALL, &["`"], always, view::toggle_sidebar, "tree pane"),

    row("fetch-whole", "Fetch the whole message", (1, "fetch whole"), Read, MAIL, &["gw"], read::has_rest, read::fetch_whole, "download rest large header pop3").hinted(MAIL),
    row("find", "Find words in this message", (7, "find"), Read, READER, &["/"], has_text, find::find, "search within text look"),
    row("headers", "Show short headers, all, or the source", (8, "headers"), Read, MAIL, &["H"], has_text, read::headers, "raw full").hinted(READER),
    row("other-form", "Switch between plain text and HTML", NO, Read, MAIL, &["="], read::has_other_form, read::other_form, "alternative"),
    row("hidden", "Show or hide what the sender hides", NO, Read, MAIL, &["z."], page::has_hidden, page::hidden, "invisible preheader text"),
    row("browser", "Open the message in the browser", NO, Read, MAIL, &["gh"], page::has_page, page::browser, "html web page view"),
    row("load-pictures", "Load the remote pictures", (7, "pictures"), Read, MAIL, &["I"], pictures::can_load, pictures::load, "images show remote download").hinted(READER),
    row("sender-pictures", "Always load this sender's pictures", NO, Read, READER, &[], pictures::has_sender, pictures::sender, "images remote allow trust revoke").now(pictures::sender_title),
    row("hide-pictures", "Show the remote pictures no longer", NO, Read, READER, &[], pictures::can_hide, pictures::hide, "images remote block"),
    row("fold-quotes", "Fold quoted text", NO, Read, MAIL, &["zq"], has_quotes, read::fold_quotes, "collapse replies"),
    row("fold-message", "Fold the message or its quotes", NO, Read, READER, &["za"], has_text, read::fold_message, "collapse expand unfold"),
    row("conversation", "Read the thread as one conversation", NO, Read, MAIL, &["gc"], change::has_row, read::conversation, "whole messages together chat"),
    row("links", "Choose a link", (6, "links"), Read, MAIL, &["gx"], has_links, read::links, "url browser open copy"),
    row("next-link", "Go to the next link", NO, Read, READER, &[")"], has_links, read::next_link, "url"),
    row("previous-link", "Go to the previous link", NO, Read, READER, &["("], has_links, read::previous_link, "url"),
    row("open-link", "Open the link at hand", NO, Read, READER, &["enter", "l", "right"], has_link, read::open_link, "url browser"),
    row("attachments", "List, open and save attachments", (6, "files"), Read, MAIL, &["A"], has_attachments, read::attachments, "files download"),
    row("answer-invite", "Answer the invitation", NO, Read, MAIL, &["i"], cards::can_answer_invite, cards::answer_invite, "calendar meeting accept decline tentative rsvp"),
    row("check-seal", "Check the signature, or decrypt", NO, Read, MAIL, &["gv"], cards::can_check, cards::check, "verify gpg pgp smime encrypted signed openpgp"),
    row("unsubscribe", "Leave the mailing list", NO, Read, MAIL, &["gl"], cards::can_unsubscribe, cards::unsubscribe, "unsubscribe newsletter stop"),
    row("save-message", "Save the message as a file", NO, Read, MAIL, &["E"], change::has_row, take::save, "export eml download write"),
    row("pipe", "Give the message to a program", NO, Read, MAIL, &["|"], change::has_row, take::pipe, "shell command filter run"),
    row("print", "Print the message", NO, Read, MAIL, &[], change::has_row, take::print, "paper lp printer"),
    row("copy", "Copy address, link, paragraph, text", (9, "copy"), Read, MAIL, &["y"], change::has_row, copy::copy, "yank clipboard subject id path"),

    row("sync", "Sync this account", (15, "sync"), Sync, ALL, &["gr"], always, program::sync, "send receive refresh check mail fetch"),
    row("sync-all", "Sync all accounts", NO, Sync, ALL, &["gR", "f5"], always, program::sync_all, "send receive refresh check mail fetch"),
    row("sync-mode", "Choose when to connect", NO, Sync, ALL, &["gm"], program::has_account, program::sync_mode, "push manual interval"),
    row("cycle-sync-mode", "Change when to connect", NO, Sync, ALL, &["gM"], program::has_account, program::cycle_mode, "push manual interval"),
    row("toggle-offline", "Work offline or online", NO, Sync, ALL, &["gO"], always, program::toggle_offline, "disconnect network"),
    row("activity", "Show what goes on", NO, Sync, ALL, &["gj"], always, program::activity, "accounts jobs progress cancel retry queue outbox quota"),

    row("close", "Close this; at the start, quit", NO, Program, ALL, &["q"], always, program::close, "exit back"),
    row("quit", "Quit Pillarbox", NO, Program, ALL, &["Q", "ctrl-c"], always, program::quit, "exit leave"),
    row("command", "Type an action's name", NO, Program, ALL, &[":"], always, program::command, "ex line run"),
    row("next-theme", "Change the colours", NO, Program, ALL, &["gT"], always, program::next_theme, "dark light theme none"),
    row("toggle-linear", "Use plain lines for screen readers", NO, Program, ALL, &[], always, program::toggle_linear, "accessibility blind braille speech linear").now(program::linear_title),
    row("redraw", "Draw the screen anew", NO, Program, ALL, &["ctrl-l"], always, program::redraw, "refresh clear repaint"),
    row("suspend", "Suspend to the shell", NO, Program, ALL, &["ctrl-z"], always, program::suspend, "background stop job"),
    row("palette", "Find an action by plain words", (254, "all"), Program, ALL, &["ctrl-k"], always, program::palette, "commands menu"),
    row("help", "Show the keys that work here", (255, "help"), Program, ALL, &["?", "f1"], always, program::help, "keys shortcuts"),
];
