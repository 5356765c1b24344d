import type { Configuration } from '../config/schema.ts';
import type { PoolSettings } from '../connections/pool-contract.ts';
import type { TradeEvent, Venue } from '../events/event.ts';
import type { AnswerProblem } from '../http/answer-shape.ts';
import type { HttpClientOptions } from '../http/http-client.ts';
import type { VenueCatalogue } from '../registry/venue-catalogue.ts';
import type { Micros } from '../units/time.ts';
import type { BookProofs, HashedBook } from './book-proofs.ts';
import type { FrameDecoder } from './decoder.ts';
import type { FetchedBooks } from './fetched-books.ts';
import type { FrameEncoder, MarketOf } from './frame-encoder.ts';
import type { SessionProfile } from './session.ts';
import type { SettlementReader } from './settlement.ts';

/** What a session has to know of the configuration. */
export interface SessionSettings {
  /** Kalshi: the convention that book subscriptions ask for. */
  readonly useYesPrice: boolean;
  /** Kalshi: listen to the lifecycle of multivariate markets, too. */
  readonly combos: boolean;
}

export interface VenueLineSettings extends PoolSettings, SessionSettings {}

/** A key by which requests and connections are signed. Never printed. */
export interface VenueKey {
  readonly keyId: string;
  /** PEM. */
  readonly privateKey: string;
}

/** How REST requests are made, the same for every venue. */
export interface VenueHttp extends Omit<HttpClientOptions, 'baseUrl' | 'headers'> {
  /** Told of every element of an answer that could not be used. */
  readonly problem?: (problem: AnswerProblem) => void;
}

/** Books by REST; what the venue does not know is in `missing`. Rejects when the venue cannot be asked. */
export type FetchBooks = (instruments: readonly string[]) => Promise<FetchedBooks>;

/** Books that a command asks for. */
export interface SentSubscription {
  readonly instruments: readonly string[];
  /** Subscription that is to carry them; null where the reply to the command says it. */
  readonly sid: number | null;
  /** Of the command, in its reply; null where there is none. */
  readonly id: number | null;
}

/** How one venue is reached, the same shape for every venue. */
export interface VenueAccess {
  /** Decodes the frames of the line. Where the venue hashes its books, what it decodes is evidence for `proofs`. */
  readonly decoder: FrameDecoder;
  /** Where the venue gives hashes of its books. */
  readonly proofs?: BookProofs;
  readonly catalogue: VenueCatalogue;
  readonly fetchBooks: FetchBooks;
  /** Headers of the upgrade request, made afresh for each connection. */
  readonly signer?: () => Readonly<Record<string, string>>;
}

/** Everything that the rest of the system has to know of one venue: its folder exports one of these. */
export interface VenueDefinition {
  readonly venue: Venue;
  /** Whether its socket lets nobody in without a key. */
  readonly needsKey: boolean;
  /**
   * Whether messages are numbered, so that a missing one shows. Where they are not, a line can be wrong and not
   * know it, and its books are held against REST all the time.
   */
  readonly isNumbered: boolean;
  /**
   * Whether the venue sends announcements of this type to every connection, whatever that carries: one that brings
   * nothing after others brought one is silent. Absent where numbers show what is missing.
   */
  isAnnouncedToAll?(type: string): boolean;
  /**
   * Whether a connection chooses how prices are said to it, so that book frames alone do not tell what they mean: what
   * was chosen is in the command that asked for them (`sentConvention`).
   */
  readonly hasConventions: boolean;
  /** Address of its REST interface for books and trades. */
  restAddress(configuration: Configuration): string;
  /** Most instruments whose books one REST request asks for. */
  readonly booksPerRequest: number;
  /** A decoder of its frames. It keeps no state between frames; one may serve any number of connections. */
  decoder(): FrameDecoder;
  /**
   * The price convention that a recorded command asked for on its connection (`FrameContext.useYesPrice`), or null
   * where the command says nothing about it.
   */
  sentConvention(command: string): boolean | null;
  /**
   * Where the venue hashes its books: whether a book as it is stored is the one that a hash is of. Null where what
   * goes into the hash beside the book is not known. A hash that does not match proves nothing.
   */
  provesBook?(book: HashedBook, hash: string): boolean | null;
  /** What a recorded command asks for of books; null where it asks for none. */
  sentSubscription(command: string): SentSubscription | null;
  /**
   * Trades of a span of venue time by REST, newest first and some beyond it, with the identifiers that they have on the
   * socket. Absent where the venue has none that could be told from those of the socket.
   */
  trades?(
    address: string,
    key: VenueKey | null,
    http: VenueHttp,
    span: { readonly from: Micros; readonly to: Micros },
  ): AsyncIterable<readonly TradeEvent[]>;
  /** Writes events as its socket would send them. */
  encoder(marketOf: MarketOf): FrameEncoder;
  /** Identifier of the `ordinal`th of equal trades, where the venue gives trades no identifier of their own. */
  withOrdinal?(tradeId: string, ordinal: number): string;
  /** How it announces what markets pay. */
  readonly settlement: SettlementReader;
  session(settings: SessionSettings): SessionProfile;
  /** What a line's connections are to be. */
  lineSettings(configuration: Configuration): VenueLineSettings;
  /**
   * Everything else that a line needs of the venue.
   *
   * @param key null where there is none: public data, if the venue gives it.
   * @throws the venue's own error when the key cannot be used
   */
  access(configuration: Configuration, key: VenueKey | null, http: VenueHttp): VenueAccess;
  /** Books alone, from the REST interface at an address. @throws as `access` does */
  books(address: string, key: VenueKey | null, http: VenueHttp): FetchBooks;
}
