import { element } from './dom.js';
import { shortId } from './format.js';

/** The address of an instrument's page. */
export const instrumentAddress = (venue, instrument) =>
  `#/instrument/${encodeURIComponent(venue)}/${encodeURIComponent(instrument)}`;

/** A link to an instrument's page. @param text its identifier when absent. */
export const instrumentLink = (venue, instrument, text = shortId(instrument)) =>
  element(
    'a',
    { href: instrumentAddress(venue, instrument), title: `${venue} ${instrument}`, className: 'code' },
    text,
  );
