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
 *   data-key="a"        link: the key follows it; button: the key focuses it, Enter then presses it
 *   data-go="h"         link: G then H goes there
 *   data-live           htmx element: does not poll while the tab is hidden; a log that is at its end stays there
 *   data-focus          takes the focus when it arrives
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
  const typing = (el) => el.closest('input, textarea, select, [contenteditable]');
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
    else if (/^[a-z]$/.test(k)) {
      const el = $(`main [data-key="${k}"]`) || $(`[data-key="${k}"]`);
      if (el) { e.preventDefault(); el.matches('a') ? el.click() : el.focus(); }
    }
  });

  /* What asks for the focus gets it: a refusal that arrives, the errors of a form that came back. */
  const takeFocus = (from) => $('[data-focus]', from)?.focus();
  takeFocus(document);

  document.addEventListener('htmx:beforeRequest', (e) => {
    if (document.hidden && e.target.closest('[data-live]')) e.preventDefault();
  });
  document.addEventListener('htmx:beforeSwap', (e) => {
    const log = e.target.closest?.('.log[data-live]');
    if (log) log.dataset.atEnd = log.scrollHeight - log.scrollTop - log.clientHeight < 24;
  });
  document.addEventListener('htmx:afterSwap', (e) => {
    takeFocus(e.target);
    const log = e.target.closest?.('.log[data-live]');
    if (log?.dataset.atEnd === 'true') log.scrollTop = log.scrollHeight;
  });
  /* An answer that htmx may not swap (403, 404, 500, no network) is never silent. */
  const failed = () => say('That did not work. Reload the page and try again.');
  document.addEventListener('htmx:responseError', failed);
  document.addEventListener('htmx:sendError', failed);
})();
