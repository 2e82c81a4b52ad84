"""A parent that hands work to two children and reads their answers, over anonymous pipes."""

from multiprocessing import Process

from lanline import ipc


def square(numbers, answers):
    for number in numbers:
        answers.send(number * number)
    answers.close()


def main():
    children = []
    for first in (1, 100):
        numbers, to_child = ipc.pipe(type=int)
        from_child, answers = ipc.pipe(type=int)
        child = Process(target=square, args=(numbers, answers))
        child.start()
        to_child.send_many([first, first + 1, first + 2])
        to_child.close()  # its `for` ends
        children.append((child, from_child))
    for child, from_child in children:
        print(list(from_child))
        child.join()


if __name__ == "__main__":
    main()
