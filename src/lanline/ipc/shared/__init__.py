"""What has a name and is shared: queues, values, blocks, broadcasts, semaphores and locks."""
