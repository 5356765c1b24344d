import { z } from 'zod';
import { venueNames } from '#src/events/event.ts';

/** Venues, separated by commas. */
export const venueList = z
  .string()
  .transform((text) => text.split(',').filter((name) => name !== ''))
  .pipe(z.array(z.enum(venueNames)));
