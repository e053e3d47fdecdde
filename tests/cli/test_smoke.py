def test_x(commands, sandbox):
    import time
    for i in range(3):
        t=time.time()
        print(commands.apply(commands.manifest("a","b","c")))
        print(time.time()-t)
    t=time.time()
    e=commands("plan","teams.csv","--json")
    print(e.json(), time.time()-t)
    assert 0
