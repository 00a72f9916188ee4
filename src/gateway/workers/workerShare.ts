/**
 * The part of each worker in the rates that count for all. Connections are dealt out in turn, so one peer comes to all workers
 * alike.
 */
import type { Configuration } from '../../config/schema';

/** The configuration of each of so many workers. A rate of 0 stays no limit. */
export function shareOf(configuration: Configuration, count: number): Configuration {
  const { limits, modalities, penalty } = configuration;
  const share = (whole: number) => Math.ceil(whole / count);
  return {
    ...configuration,
    ...(penalty === undefined ? {} : { penalty: { ...penalty, faults: share(penalty.faults) } }),
    limits: {
      ...limits,
      connectionsPerSecond: share(limits.connectionsPerSecond),
      connectionsPerSecondPerAddress: share(limits.connectionsPerSecondPerAddress),
      commandsPerSecond: share(limits.commandsPerSecond),
    },
    modalities: Object.fromEntries(
      Object.entries(modalities).map(([name, modality]) => {
        const { commandsPerSecond } = modality;
        return [
          name,
          commandsPerSecond === undefined
            ? modality
            : { ...modality, commandsPerSecond: share(commandsPerSecond) },
        ];
      }),
    ),
  };
}
