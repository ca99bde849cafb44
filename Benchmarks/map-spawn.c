// Times short programs as autofs runs them: starts each with one argument, reads its output to the
// end and waits for it. They take turns, ROUNDS times; prints the medians in ms, one per line.
//
//   map-spawn ROUNDS KEY PROGRAM...
#define _GNU_SOURCE
#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

extern char **environ;

static int compare(const void *a, const void *b) {
  double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

static double run(char *program, char *key) {
  struct timespec start, end;
  int pipes[2];
  if (pipe2(pipes, O_CLOEXEC)) exit(2);
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, pipes[1], 1);
  char *arguments[] = {program, key, NULL};
  pid_t child;
  clock_gettime(CLOCK_MONOTONIC, &start);
  if (posix_spawn(&child, program, &actions, NULL, arguments, environ)) exit(2);
  close(pipes[1]);
  char buffer[4096];
  long total = 0, count;
  while ((count = read(pipes[0], buffer, sizeof buffer)) > 0) total += count;
  int status;
  waitpid(child, &status, 0);
  clock_gettime(CLOCK_MONOTONIC, &end);
  close(pipes[0]);
  posix_spawn_file_actions_destroy(&actions);
  if (status || !total) {
    fprintf(stderr, "%s: no answer\n", program);
    exit(1);
  }
  return (end.tv_sec - start.tv_sec) * 1e3 + (end.tv_nsec - start.tv_nsec) / 1e6;
}

int main(int count, char **arguments) {
  if (count < 4) return 2;
  int rounds = atoi(arguments[1]), programs = count - 3;
  double *times = calloc((size_t)rounds * programs, sizeof *times);
  for (int round = -5; round < rounds; round++)
    for (int i = 0; i < programs; i++) {
      double time = run(arguments[3 + i], arguments[2]);
      if (round >= 0) times[i * rounds + round] = time;
    }
  for (int i = 0; i < programs; i++) {
    qsort(times + i * rounds, rounds, sizeof *times, compare);
    printf("%.3f\n", times[i * rounds + rounds / 2]);
  }
}
