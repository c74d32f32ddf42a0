// A step of a reindex with the indexes of a table, each of which is checked first against what the run has seen.
import type { CheckProblem } from '../../../formats/events.ts';
import type { IndexResponse, IndexSlice, KnownIndex, ServingIndex } from '../../../formats/index-slice.ts';
import { aliasesOf, deleteIndex, swap, type Aliases } from '../../cluster/aliases.ts';
import type { NotRead, Reader } from '../../cluster/reader.ts';
import { surveyIndex, type IndexFacts } from '../../cluster/walk.ts';
import type { Runtime } from '../../runtime.ts';
import type { IndexedTable } from '../../tables.ts';
import { withoutValues } from '../../telemetry/redaction.ts';

/** Why a step was not made. */
class StepProblem extends Error {
  override name = 'StepProblem';
  readonly remedy: string;
  constructor(what: string, remedy: string) {
    super(what);
    this.remedy = remedy;
  }
}

/** Makes the step; with a problem nothing was changed. */
export async function indexStep(runtime: Runtime, { table, step }: IndexSlice, signal: AbortSignal): Promise<IndexResponse> {
  const at = new IndexStep(runtime, table, signal);
  try {
    switch (step.do) {
      case 'look':
        return { serving: await at.serving(), ...(step.index === undefined ? {} : await at.known(step.index)) };
      case 'create':
        return { known: await at.create(step.index) };
      case 'swap':
        return { serving: await at.swap(step.from, step.to) };
      case 'delete':
        return { known: await at.delete(step) };
    }
  } catch (error) {
    if (!(error instanceof StepProblem)) throw error;
    return { problem: { what: error.message, remedy: error.remedy } satisfies CheckProblem };
  }
}

class IndexStep {
  readonly #runtime: Runtime;
  readonly #table: IndexedTable;
  readonly #reader: Reader;

  constructor(runtime: Runtime, name: string, signal: AbortSignal) {
    const table = runtime.tables.get(name);
    const { index } = table;
    if (index === undefined) throw new Error(`The table ${name} has no index`);
    this.#runtime = runtime;
    this.#table = { ...table, index };
    this.#reader = { cluster: runtime.cluster, now: runtime.now, signal };
  }

  async serving(): Promise<ServingIndex> {
    const { index: name } = this.#table;
    if ((await this.#find(name)) === undefined)
      throw new StepProblem(`there is no index ${name}`, 'Run operation backfill, which creates and fills it');
    const { index, uuid, documents } = await this.#facts(name);
    const { [name]: own, ...others } = await this.#aliases(index);
    const numbered = await this.#read(() => aliasesOf(this.#reader, `${name}-*`));
    const names = Object.entries(numbered).flatMap(([one, aliases]) => [one, ...Object.keys(aliases)]);
    return {
      name,
      index,
      uuid,
      documents,
      isAlias: own !== undefined,
      aliases: Object.keys(others),
      numbered: [...new Set(names)].filter((one) => /^\d{1,9}$/.test(one.slice(name.length + 1)) && one.startsWith(`${name}-`)).sort(),
    };
  }

  /** An index of this name; none where there is no such index, or an alias. */
  async known(index: string): Promise<Pick<IndexResponse, 'known'>> {
    if ((await this.#find(index)) === undefined) return {};
    const facts = await this.#facts(index);
    return facts.index === index ? { known: { index, uuid: facts.uuid } } : {};
  }

  /** One that is there already is taken only if it is empty and nothing leads to it: a former attempt has left it. */
  async create(index: string): Promise<KnownIndex> {
    if ((await this.#find(index)) !== undefined) {
      const { documents } = await this.#facts(index);
      const remedy = 'Delete it if nobody needs it, or run again with restart: true, which takes the next number';
      if (documents > 0) throw new StepProblem(`the index ${index} exists already and has ${documents} documents`, remedy);
      if (Object.keys(await this.#aliases(index)).length > 0)
        throw new StepProblem(`the index ${index} exists already, and an alias points to it`, remedy);
    } else {
      await this.#read(() => this.#runtime.indexes.ensure({ ...this.#table, index }, this.#reader.signal));
    }
    return this.#facts(index);
  }

  async swap(from: KnownIndex, to: KnownIndex): Promise<ServingIndex> {
    const { index: name } = this.#table;
    const before = await this.#facts(name);
    if (before.index !== to.index) {
      if (!isSame(before, from))
        throw new StepProblem(
          `${name} leads to ${before.index} (${before.uuid}) and no longer to ${from.index} (${from.uuid}): someone else has moved it`,
          'Nothing was moved. Look at the aliases of the cluster, and run again with restart: true',
        );
      if (!isSame(await this.#facts(to.index), to))
        throw new StepProblem(`the index ${to.index} was deleted and created anew since it was compared`, 'Run again with restart: true');
      await this.#move(from, to);
    }
    const after = await this.serving();
    if (!isSame(after, to))
      throw new StepProblem(`${name} leads to ${after.index} after it was moved to ${to.index}`, 'Look at the aliases of the cluster');
    return after;
  }

  /** A request whose response was lost may have been sent twice: where the name leads then decides. */
  async #move(from: KnownIndex, to: KnownIndex): Promise<void> {
    const { index: name } = this.#table;
    const aliases = await this.#aliases(from.index);
    try {
      await this.#read(() => swap(this.#reader, { name, from: from.index, to: to.index, aliases }), {
        what: `pointing ${name} to ${to.index}`,
        remedy: `Allow the function's role or user to move the aliases of ${name} and ${name}-* (indices:admin/aliases)${from.index === name ? ', and to delete the index of the name (indices:admin/delete)' : ''}`,
      });
    } catch (error) {
      if (!(error instanceof StepProblem) || !isSame(await this.#facts(name), to)) throw error;
    }
  }

  async delete(known: KnownIndex): Promise<KnownIndex> {
    const { index } = known;
    if ((await this.#find(index)) === undefined) return known;
    const aliases = Object.keys(await this.#aliases(index));
    if ((await this.#facts(this.#table.index)).index === index || aliases.length > 0)
      throw new StepProblem(
        `the index ${index} is not deleted, because ${aliases.length > 0 ? `the aliases ${aliases.join(', ')} point to it` : 'searches use it'}`,
        'Move its aliases away, and delete it by hand',
      );
    if (!isSame(await this.#facts(index), known))
      throw new StepProblem(
        `the index ${index} is not deleted, because it was created anew meanwhile`,
        'Look at it, and delete it by hand',
      );
    await this.#read(() => deleteIndex(this.#reader, known), {
      what: `deleting ${index}`,
      remedy: "Allow the function's role or user to delete it (indices:admin/delete, es:ESHttpDelete), or delete it by hand",
    });
    return known;
  }

  async #find(index: string): Promise<object | undefined> {
    const none = {};
    const found = await this.#read(async () => (await this.#runtime.indexes.find(index, this.#reader.signal)) ?? none);
    return found === none ? undefined : found;
  }

  #facts(name: string): Promise<IndexFacts> {
    return this.#read(() => surveyIndex(this.#reader, name));
  }

  async #aliases(index: string): Promise<Aliases> {
    return (await this.#read(() => aliasesOf(this.#reader, index)))[index] ?? {};
  }

  /** @param change what the request changes, and the remedy where that is forbidden @throws {StepProblem} where the cluster refuses it */
  async #read<Found extends object>(
    request: () => Promise<Found | NotRead>,
    change?: { readonly what: string; readonly remedy: string },
  ): Promise<Found> {
    const found = await this.#asked(request, change === undefined ? READ_ATTEMPTS : 1);
    if (!isProblem(found)) return found;
    if (change !== undefined && found.reason.startsWith('HTTP 403 '))
      throw new StepProblem(`${change.what} is not allowed: ${withoutValues(found.reason)}`, change.remedy);
    const remedy = found.kind === 'configuration' ? found.remedy : 'Run again when the cluster has calmed down';
    throw new StepProblem(withoutValues(found.reason), remedy);
  }

  /** Sends a request, again after what is transient. One that changes something may have done so all the same, and is sent once. */
  async #asked<Found extends object>(request: () => Promise<Found | NotRead>, attempts: number): Promise<Found | NotRead> {
    const { signal } = this.#reader;
    for (let attempt = 1; ; attempt++) {
      const found = await request();
      if (!isProblem(found) || found.kind === 'configuration' || attempt === attempts || signal.aborted) return found;
      await this.#runtime.sleep(this.#runtime.random() * 100 * 2 ** attempt, signal);
    }
  }
}

const READ_ATTEMPTS = 5;

const isProblem = (found: object): found is NotRead =>
  'kind' in found && (found.kind === 'configuration' || found.kind === 'transient') && 'reason' in found;

const isSame = (a: KnownIndex, b: KnownIndex): boolean => a.index === b.index && a.uuid === b.uuid;
