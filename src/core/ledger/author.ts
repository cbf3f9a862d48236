/**
 * Who gave a command from outside the API, as the event that goes with it records. The event is
 * written in the command's own transaction, so `key` tells whether the command was carried out.
 */
export type Author = {
  /** A clause with its actor: "ada said /deputy stop on acme/app#7". */
  what: string;
  /** Of the delivery that brought it. */
  key: string;
};
