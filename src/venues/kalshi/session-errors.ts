/** What an error code of the Kalshi socket asks of the session (protocol: WebSocket, replies). */
export type ErrorMeaning =
  /** The subscription holds as many markets as it may, or the command named too many. */
  | 'too_many_markets'
  /** Too many commands on this subscription, or the server was busy: the same again, later. */
  | 'later'
  /** The subscription is dead; others on the socket live on. */
  | 'subscription_ended'
  | 'unauthorized'
  /** Something in what was named is refused: the rest of it may well be accepted. */
  | 'bad_market'
  /** The command itself is refused, whatever it names. */
  | 'bad_command';

export function errorMeaning(code: number): ErrorMeaning {
  switch (code) {
    case 26:
      return 'too_many_markets';
    case 1:
    case 18:
    case 27:
      return 'later';
    case 7:
    case 10:
    case 17:
    case 25:
      return 'subscription_ended';
    case 9:
      return 'unauthorized';
    case 11:
    case 14:
    case 16:
      return 'bad_market';
    default:
      return 'bad_command';
  }
}
