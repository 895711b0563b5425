/*
 * Slipway's own script: enhancement only. Every page works with this file blocked.
 * It binds by data attributes and delegation, so fragments swapped in by htmx need no set-up.
 *
 *   data-theme-toggle   button: light or dark at once, remembered in a cookie that the server reads
 *   data-open="id"      button or link: opens <dialog id="id">
 *   data-close          link or button in a dialog: closes it
 *   data-dismiss="sel"  button: removes the closest element that matches
 *   data-copy="text"    button: copies text and says so
 *   data-keys="list"    region: J and K move, Enter opens
 *   data-key="a"        link: the key follows it; button: the key focuses it, Enter then presses it; upper case: with Shift
 *   data-press          button: its key presses it at once; a key that is held down presses it once
 *   data-go="h"         link: G then H goes there
 *   data-live           htmx element: does not poll while the tab is hidden; a log that is at its end stays there
 *   data-focus          takes the focus when it arrives
 *   data-say="text"     is announced when it arrives
 */
(() => {
  'use strict';
  const root = document.documentElement;
  const $ = (sel, from = document) => from.querySelector(sel);
  const $$ = (sel, from = document) => [...from.querySelectorAll(sel)];

  /* Theme: the server writes data-theme from the cookie; without one the system decides. */
  const dark = matchMedia('(prefers-color-scheme: dark)');
  const toggleTheme = () => {
    const now = root.dataset.theme || (dark.matches ? 'dark' : 'light');
    root.dataset.theme = now === 'dark' ? 'light' : 'dark';
    const secure = location.protocol === 'https:' ? '; secure' : '';
    document.cookie = `theme=${root.dataset.theme}; path=/; max-age=31536000; samesite=lax${secure}`;
  };

  /* Say it: one polite live region for the whole page. */
  const say = (text) => {
    let live = $('#live');
    if (!live) {
      live = Object.assign(document.createElement('p'), { id: 'live', className: 'vh' });
      live.setAttribute('role', 'status');
      document.body.append(live);
    }
    live.textContent = '';
    requestAnimationFrame(() => { live.textContent = text; });
  };

  const open = (id) => {
    const box = document.getElementById(id);
    if (!box || box.open) return false;
    box.showModal();
    $('textarea, input:not([type=hidden])', box)?.focus();
    return true;
  };

  document.addEventListener('click', (e) => {
    const el = e.target.closest('[data-theme-toggle], [data-open], [data-close], [data-dismiss], [data-copy], [aria-disabled="true"]');
    if (!el) {
      if (e.target.matches('dialog[open]')) e.target.close();
      return;
    }
    if (el.getAttribute('aria-disabled') === 'true') { e.preventDefault(); return; }
    if (el.hasAttribute('data-theme-toggle')) { e.preventDefault(); toggleTheme(); }
    if (el.dataset.open) { el.closest('[popover]')?.hidePopover(); if (open(el.dataset.open)) e.preventDefault(); }
    if (el.hasAttribute('data-close')) { const box = el.closest('dialog[open]'); if (box) { e.preventDefault(); box.close(); } }
    if (el.dataset.dismiss) el.closest(el.dataset.dismiss)?.remove();
    if (el.dataset.copy) navigator.clipboard?.writeText(el.dataset.copy).then(() => say('Copied'));
  });

  /* Keys. Off while typing, and off altogether when the reader has switched them off in Settings. */
  const typing = (el) => el.closest('input:not([type=checkbox]), textarea, select, [contenteditable]');
  let lead = 0;

  const move = (step) => {
    const items = $$('[data-keys="list"] :is(.item, tbody th a:first-of-type)');
    if (!items.length) return;
    const at = items.findIndex((x) => x === document.activeElement);
    const from = at < 0 ? items.findIndex((x) => x.hasAttribute('aria-current')) : at;
    const next = items[Math.min(items.length - 1, Math.max(0, from + step))];
    next.focus();
    next.scrollIntoView({ block: 'nearest' });
  };

  /* Select the item with the focus, or the one shown, to approve it together with others. */
  const pick = () => {
    const item = document.activeElement.closest?.('.item') || $('.item[aria-current], .item.is-shown');
    const box = item && $('input.pick', item.parentElement);
    if (!box) { if (item) say('This one is decided by itself.'); return; }
    box.click();
    const count = $$('input.pick:checked').length;
    say(`${$('.t', item).textContent} ${box.checked ? 'selected' : 'taken out'}. ${count} selected.`);
  };

  const seen = (el) => el.checkVisibility ? el.checkVisibility() : el.offsetParent !== null;
  const press = (k, held) => {
    const all = [...$$(`main [data-key="${k}"]`), ...$$(`[data-key="${k}"]`)];
    const el = all.find(seen) || all.find((x) => x.matches('a'));
    if (!el) return false;
    if (k === 'A' && !$('input.pick:checked')) say('Nothing is selected. X selects.');
    else if (el.matches('a') || k === 'A') el.click();
    else if (!el.hasAttribute('data-press')) el.focus();
    else if (!held) el.click();
    return true;
  };

  document.addEventListener('keydown', (e) => {
    if (!(e.target instanceof Element)) return;
    if ((e.metaKey || e.ctrlKey) && e.key.toLowerCase() === 'k') { if (open('palette')) e.preventDefault(); return; }
    if ((e.metaKey || e.ctrlKey) && e.key === 'Enter') { e.target.closest('form')?.requestSubmit(); return; }
    if (e.key === 'Escape' && typing(e.target) && !e.target.closest('dialog')) { e.target.blur(); return; }
    if (e.key === ' ' && e.target.matches('a[role="button"]')) { e.preventDefault(); e.target.click(); return; }
    if (root.dataset.keys === 'off' || e.metaKey || e.ctrlKey || e.altKey || typing(e.target) || $('dialog[open]')) return;
    const k = e.key;
    if (lead && Date.now() - lead < 1200 && /^[a-z]$/.test(k)) {
      lead = 0;
      const link = $(`[data-go="${k}"]`);
      if (link) { location.assign(link.href); return; }
    }
    lead = 0;
    if (k === 'g') lead = Date.now();
    else if (k === '/') { if (open('palette')) e.preventDefault(); }
    else if (k === '?') open('keys');
    else if (k === 'j') move(1);
    else if (k === 'k') move(-1);
    else if (k === 'c') { const c = $('.decide textarea, .comment input'); if (c) { e.preventDefault(); c.focus(); } }
    else if (k === 'x' && $('input.pick, .inbox')) { e.preventDefault(); pick(); }
    else if ((k === 'ArrowDown' || k === 'ArrowUp') && e.target.closest('[data-keys="list"]')) { e.preventDefault(); move(k === 'ArrowDown' ? 1 : -1); }
    else if (/^[a-z]$/i.test(k)) { if (press(k, e.repeat)) e.preventDefault(); }
  });

  /* What asks for the focus gets it: a refusal that arrives, the errors of a form that came back. */
  const takeFocus = (from) => $('[data-focus]', from)?.focus();
  takeFocus(document);

  document.addEventListener('htmx:beforeRequest', (e) => {
    if (document.hidden && e.target.closest('[data-live]')) e.preventDefault();
  });
  /* A live log begins at its newest line and stays at its end, unless somebody has scrolled up. Its lines come out of band. */
  const toEnd = (log) => { log.scrollTop = log.scrollHeight; };
  $$('.log[data-live]').forEach(toEnd);
  document.addEventListener('htmx:beforeSwap', () => {
    $$('.log[data-live]').forEach((log) => { log.dataset.atEnd = log.scrollHeight - log.scrollTop - log.clientHeight < 24; });
  });
  document.addEventListener('htmx:afterSwap', () => $$('.log[data-live][data-at-end="true"]').forEach(toEnd));
  document.addEventListener('htmx:afterSwap', (e) => {
    takeFocus(e.target);
    const news = $('[data-say]', e.target);
    if (news) say(news.dataset.say);
  });
  /* What is decided leaves the list at once; the list renews itself a little later. */
  document.addEventListener('inbox-changed', (e) => {
    if (e.detail?.decided) document.getElementById(`item-${e.detail.decided}`)?.parentElement.remove();
  });
  /* The list beside a sheet marks the one that is shown now. */
  document.addEventListener('htmx:pushedIntoHistory', () => {
    $$('.inbox-list .item').forEach((x) => {
      x.classList.remove('is-shown');
      if (new URL(x.href).pathname === location.pathname) x.setAttribute('aria-current', 'true');
      else x.removeAttribute('aria-current');
    });
  });
  /* An answer that htmx may not swap (403, 404, 500, no network) is never silent. */
  const failed = () => say('That did not work. Reload the page and try again.');
  document.addEventListener('htmx:responseError', failed);
  document.addEventListener('htmx:sendError', failed);
})();
