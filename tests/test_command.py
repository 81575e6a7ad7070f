"""The console command, as a shell runs it"""
import os, subprocess, sys

COMMAND = 'import sys; from genrec.study.command import main; sys.exit(main())'

def test_a_reader_that_has_enough():
    "`genrec study --list | head -1` says nothing of a broken pipe"
    read, write = os.pipe()
    process = subprocess.Popen([sys.executable, '-c', COMMAND, 'study', '--list'], stdout=write,
                               stderr=subprocess.PIPE, text=True)
    os.close(write)
    os.close(read) # before the first line
    said = process.communicate()[1]
    assert 'pipe' not in said.lower() and process.returncode==1, said
