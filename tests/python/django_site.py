"""Django's administration site on a free port of loopback: FOLDER SECRET GROUPS. Prints its address; ends with its input."""

import os
import sys
import threading

import django
from django.conf import settings
from django.urls import path

folder, secret, groups = sys.argv[1], sys.argv[2], int(sys.argv[3])
settings.configure(
    SECRET_KEY=secret,
    ALLOWED_HOSTS=["*"],
    ROOT_URLCONF=__name__,
    DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": os.path.join(folder, "db")}},
    INSTALLED_APPS=[
        "django.contrib.admin",
        "django.contrib.auth",
        "django.contrib.contenttypes",
        "django.contrib.messages",
        "django.contrib.sessions",
    ],
    MIDDLEWARE=[
        "django.contrib.sessions.middleware.SessionMiddleware",
        "django.middleware.csrf.CsrfViewMiddleware",
        "django.contrib.auth.middleware.AuthenticationMiddleware",
        "django.contrib.messages.middleware.MessageMiddleware",
    ],
    TEMPLATES=[
        {
            "BACKEND": "django.template.backends.django.DjangoTemplates",
            "APP_DIRS": True,
            "OPTIONS": {
                "context_processors": [
                    "django.template.context_processors.request",
                    "django.contrib.auth.context_processors.auth",
                    "django.contrib.messages.context_processors.messages",
                ]
            },
        }
    ],
    PASSWORD_HASHERS=["django.contrib.auth.hashers.MD5PasswordHasher"],
    DEFAULT_AUTO_FIELD="django.db.models.AutoField",
    STATIC_URL="/static/",
    USE_TZ=True,
)
django.setup()

from django.contrib import admin  # noqa: E402
from django.contrib.auth.models import Group, User  # noqa: E402
from django.core.management import call_command  # noqa: E402
from django.core.servers.basehttp import ThreadedWSGIServer, WSGIRequestHandler  # noqa: E402
from django.core.wsgi import get_wsgi_application  # noqa: E402

urlpatterns = [path("admin/", admin.site.urls)]
call_command("migrate", verbosity=0)
User.objects.create_superuser("jane", "jane@example.com", "correct horse")
for number in range(groups):
    Group.objects.create(name=f"group {number}")

server = ThreadedWSGIServer(("127.0.0.1", 0), WSGIRequestHandler)
server.daemon_threads = True
server.set_app(get_wsgi_application())
print("127.0.0.1:%d" % server.server_address[1], flush=True)
# Whoever started it holds its input open.
threading.Thread(target=lambda: (sys.stdin.read(), os._exit(0)), daemon=True).start()
server.serve_forever()
