/**
 * What an API server says when it does not do what was asked, and the next step: the same whether mgo or helm asked. Pure.
 *
 * @module
 */

type Saying = { readonly says: RegExp; readonly hint: string }

/** Told as the API server's own fault (500), which is in the best of health. */
export const webhookAway: Saying = {
  says: /failed calling webhook|conversion webhook for .* failed/,
  hint: 'Do the pods of the service behind this webhook run? Look there; then deploy again.',
}

/** A field that was set once and for all. */
export const immutable: Saying = {
  says: /field is immutable/,
  hint: 'This field of an object that is there cannot change: take the change back, or delete the object and deploy again.',
}
