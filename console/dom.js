/**
 * An element with properties, `on…` listeners, `aria-…` and `data-…` attributes, and children. Text is always text,
 * whatever a venue has put into it.
 */
export function element(tag, properties = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (value === undefined || value === null) continue;
    if (name.startsWith('on')) made.addEventListener(name.slice(2), value);
    else if (name in made && !name.includes('-') && name !== 'list') made[name] = value;
    else made.setAttribute(name === 'className' ? 'class' : name, value);
  }
  made.append(...children.flat().filter((child) => child !== null && child !== undefined));
  return made;
}

/** Sets text only where it differs: most figures stay from one second to the next. */
export function setText(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

/** A panel with a heading and what stands beside it. */
export function panel(title, width, ...children) {
  const beside = element('span');
  const header = element('header', {}, element('h2', {}, title), beside);
  const node = element('section', { className: `panel ${width}`, 'aria-label': title }, header, ...children);
  return { node, beside };
}

/**
 * A table whose rows are made anew from lists, at most `most` of them.
 *
 * @param columns each with `title`, `cell(row)` giving text or a node, and `className`.
 */
export function table(columns, { most = 200, label, empty = 'nothing' } = {}) {
  const head = element('thead', {}, element('tr', {}));
  for (const { title, className } of columns)
    head.firstChild.append(element('th', { scope: 'col', className: className ?? '' }, title));
  const body = element('tbody');
  const node = element('table', { 'aria-label': label }, head, body);
  const none = element('p', { className: 'none' }, empty);
  const wrapper = element(
    'div',
    { className: 'scroll', tabIndex: 0, role: 'region', 'aria-label': label },
    node,
    none,
  );
  let shown = '';
  const show = (rows) => {
    const cut = rows.slice(0, most);
    // What has not changed keeps its nodes, and with them the focus.
    const now = JSON.stringify(cut);
    none.hidden = cut.length > 0;
    node.hidden = cut.length === 0;
    if (now === shown) return;
    shown = now;
    body.replaceChildren(
      ...cut.map((row) =>
        element(
          'tr',
          {},
          ...columns.map(({ cell, className }) =>
            element('td', { className: className ?? '' }, cell(row) ?? ''),
          ),
        ),
      ),
    );
  };
  show([]);
  return { node: wrapper, show };
}

/** A few choices of which one is taken. */
export function segments(label, choices, chosen, onChoose) {
  const buttons = choices.map(([value, text]) =>
    element(
      'button',
      {
        type: 'button',
        'aria-pressed': String(value === chosen),
        onclick: () => {
          for (const [index, button] of buttons.entries())
            button.setAttribute('aria-pressed', String(choices[index][0] === value));
          onChoose(value);
        },
      },
      text,
    ),
  );
  return element('span', { className: 'segments', role: 'group', 'aria-label': label }, ...buttons);
}
