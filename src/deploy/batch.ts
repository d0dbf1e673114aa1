/**
 * Gathers while it works: what arrives while one batch is under way is the next batch, and the first waits for nobody.
 * No timer. Each asker gets their own answer, and is registered before the work starts, so no answer is ever missed.
 *
 * @module
 */

export type Batcher<Asked, Answer> = {
  /** Answers when this request is settled; rejects where its whole batch could not be done. */
  submit(asked: Asked): Promise<Answer>
  /** How many wait for the next batch. */
  waiting(): number
  /** Resolves when nothing is under way any more. */
  idle(): Promise<void>
}

type Waiter<Asked, Answer> = {
  readonly asked: Asked
  readonly resolve: (answer: Answer) => void
  readonly reject: (why: unknown) => void
}

/**
 * @param work - does a whole batch; its answers stand in the order of the batch
 * @param size - requests taken into one batch at most
 */
export function batcher<Asked, Answer>(
  work: (batch: readonly Asked[]) => Promise<readonly Answer[]>,
  size = 1_000,
): Batcher<Asked, Answer> {
  const queue: Waiter<Asked, Answer>[] = []
  let running: Promise<void> | undefined

  async function turn(): Promise<void> {
    while (queue.length > 0) {
      // Requests of the same tick belong together.
      await Promise.resolve()
      const batch = queue.splice(0, size)
      await one(batch, work)
    }
    running = undefined
  }

  return {
    submit: (asked) =>
      new Promise<Answer>((resolve, reject) => {
        queue.push({ asked, resolve, reject })
        running ??= turn()
      }),
    waiting: () => queue.length,
    idle: () => running ?? Promise.resolve(),
  }
}

async function one<Asked, Answer>(
  batch: readonly Waiter<Asked, Answer>[],
  work: (batch: readonly Asked[]) => Promise<readonly Answer[]>,
): Promise<void> {
  try {
    const answers = await work(batch.map((waiter) => waiter.asked))
    batch.forEach((waiter, i) => {
      const answer = answers[i]
      if (answer === undefined) waiter.reject(new Error('a request of the batch got no answer'))
      else waiter.resolve(answer)
    })
  } catch (error) {
    for (const waiter of batch) waiter.reject(error)
  }
}
