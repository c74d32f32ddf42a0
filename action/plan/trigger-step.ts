import type { CreateEventSourceMappingCommandInput, UpdateEventSourceMappingCommandInput } from '@aws-sdk/client-lambda';

/** One call, or two, that bring one trigger to its wanted settings. */
export type TriggerStep =
  /** The stream is enabled first where the table has none. */
  | {
      readonly do: 'create';
      readonly table: string;
      readonly stream: string | undefined;
      readonly request: Omit<CreateEventSourceMappingCommandInput, 'EventSourceArn'>;
    }
  | {
      readonly do: 'update';
      readonly table: string;
      readonly uuid: string;
      readonly changes: Omit<UpdateEventSourceMappingCommandInput, 'UUID'>;
    }
  | { readonly do: 'delete'; readonly table: string; readonly uuid: string };

/** Everything that a plan of triggers depends on beside the tables and the options. */
export interface TriggerContext {
  readonly functionName: string;
  readonly alias: string | undefined;
  /** Whether the input `tables` names any: without it triggers are left alone. */
  readonly managed: boolean;
  /** As reasons name it; undefined: there is none. */
  readonly optionsFile: string | undefined;
  /** ms since 1970 */
  readonly now: number;
}
